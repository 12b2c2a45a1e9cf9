/*
 * fuzz_backup.c: what is in a backup, sealed properly; or a file as it is.
 *
 *     input: 0: a file follows | 1: the content follows, which is sealed first
 *
 * It becomes an account, whole, or nothing.
 */
#include "core/backup.h"
#include "core/engine.h"
#include "core/registry_memory.h"
#include "tests/fuzz/fuzz.h"
#include "tests/scenario/fake_net.h"

#include <string.h>
#include <unistd.h>

#define PASSPHRASE "a passphrase"
/* For scrypt: the least that OpenSSL takes with r = 8. */
#define LOG_N 4

static void write_file(const struct env *env, const char *path, const uint8_t *data, size_t size,
		       bool seal)
{
	struct buf content;
	FILE *file;

	if (seal) {
		buf_init(&content, BACKUP_MAX);
		buf_add(&content, data, size);
		FUZZ_CHECK(backup_write(env, path, PASSPHRASE, LOG_N, &content, NULL) == 0);
		buf_free(&content);
		return;
	}
	file = fopen(path, "w");
	FUZZ_CHECK(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

static void count_account(void *arg, struct account *account)
{
	(void)account;
	*(unsigned *)arg += 1;
}

static void restore(struct engine *engine, const char *path)
{
	struct err err = {.code = ERR_NONE};
	struct account *account = engine_account_import(engine, path, PASSPHRASE, NULL, &err);
	unsigned count;

	FUZZ_CHECK(!account == (err.code != ERR_NONE));
	if (account)
		FUZZ_CHECK(engine_account_find(engine, account_name(account)) == account);
	count = 0;
	engine_accounts(engine, count_account, &count);
	FUZZ_CHECK(count == (account != NULL));
}

/* A file whose scrypt takes seconds is no finding. */
static bool is_slow(const uint8_t *data, size_t size)
{
	const size_t magic = strlen("tacet backup 1\n");

	return size > magic + 3 && data[magic] > 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char directory[64], path[80];
	struct fake_clock *clock;
	struct fake_env *fake;
	struct engine_config config = {.database = ":memory:",
				       .store_key = &(const struct key){{1}}};
	struct registry_memory_store *store;
	struct fake_net *net;
	struct engine *engine;

	if (size < 1 || (data[0] == 0 && is_slow(data + 1, size - 1)))
		return 0;
	clock = fake_clock_new(1);
	fake = fake_env_new(clock);
	net = fake_net_new(clock);
	store = registry_memory_store_new(fake_env_env(fake));
	config.env = fake_env_env(fake);
	config.registry = registry_memory_new(config.env, store, 1);
	config.transport = fake_host_transport(fake_net_host(net, "host"));
	engine = engine_new(&config, &(const struct engine_handler){0}, NULL, NULL);
	snprintf(directory, sizeof(directory), "%s/tacet-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	FUZZ_CHECK(engine && mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/backup", directory);
	write_file(config.env, path, data + 1, size - 1, data[0] != 0);
	restore(engine, path);
	unlink(path);
	rmdir(directory);
	engine_free(&engine);
	registry_free(&config.registry);
	registry_memory_store_free(&store);
	fake_net_free(&net);
	fake_env_free(&fake);
	fake_clock_free(&clock);
	return 0;
}
