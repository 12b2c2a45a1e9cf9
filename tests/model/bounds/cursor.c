/* Fixed layouts (core/base/cursor.h): reading and writing more than there is. */
#include "core/base/cursor.h"
#include "tests/model/bounds/stubs.h"

#define LEN_MAX 24

static void read_all(const uint8_t *data, size_t len)
{
	struct reader r;
	uint8_t out[5];
	const uint8_t *view;

	reader_init(&r, data, len);
	read_u8(&r);
	read_u16(&r);
	read_u32(&r);
	read_bytes(&r, out, sizeof(out));
	view = read_view(&r, 3);
	read_u64(&r);
	/*@ assert view: view == \null || \valid_read(view + (0 .. 2)); */
	/*@ assert left: r.left <= len; */
	/*@ assert bad: len < 23 ==> r.bad == 1; */
}

static void write_all(size_t size)
{
	uint8_t out[LEN_MAX];
	struct writer w;

	writer_init(&w, out, size);
	write_u8(&w, 1);
	write_u16(&w, 2);
	write_u32(&w, 3);
	write_bytes(&w, "12345", 5);
	write_u64(&w, 4);
	/*@ assert written: w.len <= size; */
	write_padding(&w);
	/*@ assert padded: w.len <= size; */
}

int main(void)
{
	static uint8_t data[LEN_MAX];

	any(data, sizeof(data));
	for (size_t len = 0; len <= sizeof(data); len++) {
		read_all(data, len);
		write_all(len);
	}
	return 0;
}
