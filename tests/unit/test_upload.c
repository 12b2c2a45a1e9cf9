/* Tests of xmpp/upload.c: slots, files on a real disk, a clock that is turned by hand. */
#include "tests/scenario/fake_env.h"
#include "xmpp/upload.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MINUTE (INT64_C(60) * 1000)
#define DAY    (24 * 60 * MINUTE)

struct rig {
	char directory[64], files[80];
	struct fake_clock *clock;
	struct fake_env *fake;
	struct key secret;
	struct upload *upload;
	char path[UPLOAD_PATH_SIZE];
	struct err err;
};

static void start(struct rig *r)
{
	r->upload = upload_new(fake_env_env(r->fake), r->files, &r->secret, &r->err);
	if (!r->upload)
		fail_msg("%s", r->err.text);
}

static void rig_new(struct rig *r)
{
	*r = (struct rig){.directory = "/tmp/tacet-upload-XXXXXX", .secret = {{7}}};
	assert_non_null(mkdtemp(r->directory));
	snprintf(r->files, sizeof(r->files), "%s/upload", r->directory);
	r->clock = fake_clock_new(1);
	r->fake = fake_env_new(r->clock);
	start(r);
}

/* How many files there are; with name, the last one's. */
static unsigned files(const struct rig *r, char name[256])
{
	DIR *directory = opendir(r->files);
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		if (name)
			snprintf(name, 256, "%s", entry->d_name);
	}
	closedir(directory);
	return count;
}

static void rig_free(struct rig *r)
{
	char name[256], path[400];

	upload_free(&r->upload);
	while (files(r, name) > 0) {
		snprintf(path, sizeof(path), "%s/%s", r->files, name);
		unlink(path);
	}
	rmdir(r->files);
	rmdir(r->directory);
	fake_env_free(&r->fake);
	fake_clock_free(&r->clock);
}

static void put(struct rig *r, const char *user, const char *text)
{
	assert_int_equal(upload_slot(r->upload, user, "a.txt", strlen(text), r->path, &r->err), 0);
	assert_int_equal(upload_put(r->upload, r->path, text, strlen(text), &r->err), 0);
}

static bool has(struct rig *r, const char *path, const char *text)
{
	size_t len;
	char *data = upload_get(r->upload, path, &len);
	bool same = data && len == strlen(text) && memcmp(data, text, len) == 0;

	if (data)
		secret_free(data, len);
	return same;
}

static void test_file(void **state)
{
	char name[256], path[400], content[64] = "", other[UPLOAD_PATH_SIZE];
	struct stat st;
	struct rig r;
	int fd;

	(void)state;
	rig_new(&r);
	put(&r, "alice", "a plain text");
	assert_true(has(&r, r.path, "a plain text"));
	assert_int_equal(upload_slot_size(r.upload, r.path), 0);
	assert_int_equal(upload_put(r.upload, r.path, "again", 5, &r.err), -1);
	/* Nothing can be read on the disk, by nobody else. */
	assert_int_equal(files(&r, name), 1);
	snprintf(path, sizeof(path), "%s/%s", r.files, name);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(r.files, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	fd = open(path, O_RDWR);
	assert_int_equal(read(fd, content, sizeof(content)), 16 + 12);
	assert_null(memmem(content, sizeof(content), "plain", 5));
	assert_null(strstr(name, "alice"));
	/* Another name or token is another file. */
	snprintf(other, sizeof(other), "%s", r.path);
	other[strlen(other) - 1] = 'T';
	assert_false(has(&r, other, "a plain text"));
	snprintf(other, sizeof(other), "%s", r.path);
	other[0] = other[0] == 'a' ? 'b' : 'a';
	assert_false(has(&r, other, "a plain text"));
	/* It is there after a restart, and not if somebody has changed it. */
	upload_free(&r.upload);
	start(&r);
	assert_true(has(&r, r.path, "a plain text"));
	assert_int_equal(pwrite(fd, "x", 1, 20), 1);
	close(fd);
	assert_false(has(&r, r.path, "a plain text"));
	rig_free(&r);
}

static void test_paths(void **state)
{
	static const char *const bad[] = {"",
					  "/",
					  "a",
					  "a/",
					  "/a",
					  "a/b",
					  "../../etc/passwd",
					  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/",
					  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/x"};
	static const struct {
		const char *name, *kept;
	} names[] = {
	    {"photo.jpg", "photo.jpg"},
	    {"../../etc/passwd", "passwd"},
	    {"tr\xc3\xa8s cool.jpg", "tr_s_cool.jpg"},
	    {".hidden", "_hidden"},
	    {"a?b#c%41\"<", "a_b_c_41__"},
	    {"/", "_"},
	    {"..", "_."},
	};
	char longest[200];
	struct rig r;

	(void)state;
	rig_new(&r);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(upload_slot_size(r.upload, bad[i]), 0);
		assert_int_equal(upload_put(r.upload, bad[i], "x", 1, &r.err), -1);
		assert_false(has(&r, bad[i], "x"));
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(upload_slot(r.upload, "alice", names[i].name, 1, r.path, &r.err),
				 0);
		assert_string_equal(strchr(r.path, '/') + 1, names[i].kept);
		assert_int_equal(upload_slot_size(r.upload, r.path), 1);
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(upload_slot(r.upload, "alice", longest, 1, r.path, &r.err), 0);
	assert_int_equal(strlen(r.path), UPLOAD_PATH_SIZE - 1);
	assert_int_equal(upload_slot_size(r.upload, r.path), 1);
	assert_int_equal(upload_put(r.upload, r.path, "xy", 2, &r.err), -1);
	assert_int_equal(upload_put(r.upload, r.path, "x", 1, &r.err), 0);
	rig_free(&r);
}

static void test_times(void **state)
{
	char name[256], path[400], first[UPLOAD_PATH_SIZE];
	struct rig r;
	int fd;

	(void)state;
	rig_new(&r);
	assert_int_equal(upload_slot(r.upload, "alice", "a", 1, r.path, &r.err), 0);
	fake_clock_run(r.clock, 4 * MINUTE);
	assert_int_equal(upload_slot_size(r.upload, r.path), 1);
	fake_clock_run(r.clock, MINUTE);
	assert_int_equal(upload_slot_size(r.upload, r.path), 0);
	put(&r, "alice", "one");
	snprintf(first, sizeof(first), "%s", r.path);
	fake_clock_run(r.clock, 5 * DAY);
	put(&r, "alice", "two");
	fake_clock_run(r.clock, DAY);
	assert_true(has(&r, first, "one"));
	fake_clock_run(r.clock, DAY);
	assert_false(has(&r, first, "one"));
	fake_clock_run(r.clock, 60 * MINUTE);
	assert_int_equal(files(&r, name), 1);
	assert_true(has(&r, r.path, "two"));
	/* What a crash has left behind goes at the start; what is not ours stays. */
	upload_free(&r.upload);
	snprintf(path, sizeof(path), "%s/%s.new", r.files, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	snprintf(path, sizeof(path), "%s/note", r.files);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	start(&r);
	assert_int_equal(files(&r, NULL), 2);
	rig_free(&r);
}

static void test_limits(void **state)
{
	char alice[UPLOAD_PATH_SIZE];
	struct rig r;

	(void)state;
	rig_new(&r);
	put(&r, "alice", "hers");
	snprintf(alice, sizeof(alice), "%s", r.path);
	for (int i = 0; i < 9; i++)
		assert_int_equal(
		    upload_slot(r.upload, "alice", "a", UPLOAD_FILE_MAX, r.path, &r.err), 0);
	assert_int_equal(upload_slot(r.upload, "alice", "a", UPLOAD_FILE_MAX, r.path, &r.err), -1);
	assert_int_equal(r.err.code, ERR_LIMIT);
	assert_int_equal(upload_slot(r.upload, "alice", "a", UPLOAD_FILE_MAX - 4, r.path, &r.err),
			 0);
	/* It is each one's own. */
	put(&r, "bob", "his");
	for (int i = 10; i < UPLOAD_SLOTS_MAX; i++)
		assert_int_equal(upload_slot(r.upload, "bob", "a", 1, r.path, &r.err), 0);
	assert_int_equal(upload_slot(r.upload, "bob", "a", 1, r.path, &r.err), -1);
	assert_int_equal(files(&r, NULL), 2);
	upload_forget(r.upload, "alice");
	assert_int_equal(files(&r, NULL), 1);
	assert_false(has(&r, alice, "hers"));
	assert_int_equal(upload_slot(r.upload, "alice", "a", UPLOAD_FILE_MAX, r.path, &r.err), 0);
	rig_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_file),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
