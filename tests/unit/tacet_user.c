/* The smallest program that uses libtacet; libtacet_outside compiles it as a stranger would. */
#include <stdio.h>
#include <tacet.h>

int main(int argc, char **argv)
{
	struct tacet_options options = {.size = sizeof options,
					.state_dir = argc > 1 ? argv[1] : "state"};
	struct tacet_handlers handlers = {.size = sizeof handlers};
	struct tacet_err err;
	struct tacet *tacet = tacet_open(&options, &handlers, NULL, &err);
	struct tacet_account *me = tacet ? tacet_account_add(tacet, "me", &err) : NULL;

	puts(me ? tacet_account_id(me) : err.text);
	tacet_close(&tacet);
	return me ? 0 : 1;
}
