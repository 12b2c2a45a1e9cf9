/*
 * trim.h: gives back memory that the process holds and does not use.
 */
#ifndef CORE_BASE_TRIM_H
#define CORE_BASE_TRIM_H

/*
 * Let go of free heap, and of the pages of program and libraries that were only read: those which
 * are needed again come back from the page cache, one by one, when they are touched. Most of what a
 * process like ours has in memory was touched once, while its libraries were being loaded and
 * initialized. Nothing changes but the time of the next touches; takes some ms.
 */
void trim_memory(void);

#endif
