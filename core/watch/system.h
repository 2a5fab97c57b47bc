/*
 * core/watch/system.h - system calls that are nothing but system calls
 *
 * The C library's open, read, write and close are cancellation points and set
 * errno; a hook may add neither to the program's calls. These return the
 * result or -errno and touch nothing else. Safe in signal handlers.
 */
#ifndef DLW_CORE_WATCH_SYSTEM_H
#define DLW_CORE_WATCH_SYSTEM_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static inline long dlw_system(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#else
	int saved = errno;
	long result = syscall(number, a, b, c, d, e, f);

	if (result < 0)
		result = -errno;
	errno = saved;
	return result;
#endif
}

static inline int dlw_sys_open(const char *path, int flags, mode_t mode)
{
	return (int)dlw_system(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC, (long)mode, 0, 0);
}

static inline ssize_t dlw_sys_read(int fd, void *buffer, size_t size)
{
	long got;

	do
		got = dlw_system(SYS_read, fd, (long)buffer, (long)size, 0, 0, 0);
	while (got == -EINTR);
	return got;
}

static inline ssize_t dlw_sys_pread(int fd, void *buffer, size_t size, uint64_t offset)
{
	return dlw_system(SYS_pread64, fd, (long)buffer, (long)size, (long)offset, 0, 0);
}

static inline ssize_t dlw_sys_write(int fd, const void *buffer, size_t size)
{
	return dlw_system(SYS_write, fd, (long)buffer, (long)size, 0, 0, 0);
}

static inline int dlw_sys_close(int fd)
{
	return (int)dlw_system(SYS_close, fd, 0, 0, 0, 0, 0);
}

static inline int dlw_sys_fallocate(int fd, uint64_t offset, uint64_t length)
{
	return (int)dlw_system(SYS_fallocate, fd, 0, (long)offset, (long)length, 0, 0);
}

/** dlw_sys_limit() - the soft limit of @resource, RLIM_INFINITY if there is none */
static inline uint64_t dlw_sys_limit(int resource)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	dlw_system(SYS_prlimit64, 0, resource, 0, (long)&limit, 0, 0);
	return limit.rlim_cur;
}

/** dlw_sys_may_grow() - a file may have @size bytes without a SIGXFSZ */
static inline bool dlw_sys_may_grow(uint64_t size)
{
	return size <= dlw_sys_limit(RLIMIT_FSIZE);
}

static inline int dlw_sys_unlink(const char *path)
{
	return (int)dlw_system(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0, 0, 0);
}

static inline int dlw_sys_rmdir(const char *path)
{
	return (int)dlw_system(SYS_unlinkat, AT_FDCWD, (long)path, AT_REMOVEDIR, 0, 0, 0);
}

static inline int dlw_sys_mkdir(const char *path, mode_t mode)
{
	return (int)dlw_system(SYS_mkdirat, AT_FDCWD, (long)path, (long)mode, 0, 0, 0);
}

static inline ssize_t dlw_sys_readlink(const char *path, char *buffer, size_t size)
{
	return dlw_system(SYS_readlinkat, AT_FDCWD, (long)path, (long)buffer, (long)size, 0, 0);
}

static inline ssize_t dlw_sys_getdents(int fd, void *buffer, size_t size)
{
	return dlw_system(SYS_getdents64, fd, (long)buffer, (long)size, 0, 0, 0);
}

#endif
