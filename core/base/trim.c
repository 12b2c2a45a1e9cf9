/*
 * trim.c: see trim.h.
 *
 * Only segments that are mapped without the right to write are let go of: a page of one cannot
 * differ from the file (there are no text relocations), so that nothing is lost (madvise(2),
 * MADV_DONTNEED).
 */
#include "core/base/trim.h"

#include "core/base/log.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void let_go(uintptr_t begin, size_t len)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = begin & ~(page - 1), end = (begin + len + page - 1) & ~(page - 1);

	if (madvise((void *)first, end - first, MADV_DONTNEED) != 0)
		log_debug("memory: madvise: %s", strerror(errno));
}

static int trim_object(struct dl_phdr_info *object, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];

		if (part->p_type == PT_LOAD && (part->p_flags & PF_W) == 0)
			let_go(object->dlpi_addr + part->p_vaddr, part->p_memsz);
	}
	return 0;
}

void trim_memory(void)
{
	malloc_trim(0);
	dl_iterate_phdr(trim_object, NULL);
}
