/* fail_malloc.c: stands in front of the C library's allocator by the linker's --wrap. */
#include "tests/unit/fail_malloc.h"

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);

static long left = -1; /* allocations before the one that fails; -1: none fails */
static bool failed;

static bool fails(void)
{
	if (left < 0)
		return false;
	if (left-- > 0)
		return false;
	failed = true;
	return true;
}

void fail_malloc_arm(long n)
{
	left = n;
	failed = false;
}

bool fail_malloc_disarm(void)
{
	left = -1;
	return failed;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	return fails() ? NULL : __real_realloc(block, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len)
{
	return fails() ? NULL : __real_strndup(text, len);
}
