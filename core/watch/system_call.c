/*
 * core/watch/system_call.c - from a call's number and arguments to what it waits for
 */
#include "core/watch/system_call.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "core/watch/descriptors.h"
#include "core/watch/file_locks.h"
#include "core/watch/polled.h"

static struct dlw_call_meaning children(enum dlw_children which, int32_t pid)
{
	return (struct dlw_call_meaning){ .kind = DLW_CHILD_CALL, .children = which, .pid = pid };
}

/* Of tracees, too: who waits so may be woken by a child's every step. */
static bool is_patient(uint64_t options)
{
	return !(options & (WNOHANG | __WALL | __WCLONE | __WNOTHREAD));
}

static struct dlw_call_meaning none(void)
{
	return (struct dlw_call_meaning){ .kind = DLW_NO_SYSTEM_WAIT };
}

static struct dlw_call_meaning wait4_meaning(const struct dlw_system_call *call, int32_t group)
{
	int32_t pid = (int32_t)call->arguments[0];

	if (!is_patient(call->arguments[2]))
		return none();
	if (pid > 0)
		return children(DLW_ONE_CHILD, pid);
	if (pid == -1)
		return children(DLW_ANY_CHILD, 0);
	return children(DLW_GROUP_OF_CHILDREN, pid ? -pid : group);
}

/** child_of_descriptor() - the process behind a pidfd, 0: unknown */
static int32_t child_of_descriptor(int32_t task, int fd)
{
	char note[512];
	const char *at;

	if (dlw_descriptor_note(task, fd, note, sizeof(note)) <= 0)
		return 0;
	at = strstr(note, "\nPid:");
	if (!at)
		return 0;
	for (at += strlen("\nPid:"); *at == ' ' || *at == '\t'; at++)
		;
	return (int32_t)dlw_parse_number(&at, 10);
}

static struct dlw_call_meaning waitid_meaning(const struct dlw_system_call *call, int32_t task,
					      int32_t group)
{
	int32_t id = (int32_t)call->arguments[1];

	if (!is_patient(call->arguments[3]) || !(call->arguments[3] & WEXITED))
		return none();
	switch (call->arguments[0]) {
	case P_ALL:
		return children(DLW_ANY_CHILD, 0);
	case P_PGID:
		return children(DLW_GROUP_OF_CHILDREN, id ? id : group);
	case P_PIDFD:
		id = child_of_descriptor(task, id);
		return id > 0 ? children(DLW_ONE_CHILD, id) : none();
	case P_PID:
		return children(DLW_ONE_CHILD, id);
	default:
		return none();
	}
}

static struct dlw_call_meaning on_descriptor(enum dlw_call_kind kind, uint64_t fd, int family)
{
	return (struct dlw_call_meaning){ .kind = kind, .fd = (int)fd, .family = family };
}

struct dlw_call_meaning dlw_call_meaning(const struct dlw_system_call *call, int32_t task,
					 int32_t group)
{
	switch (call->number) {
	case SYS_wait4:
		return wait4_meaning(call, group);
	case SYS_waitid:
		return waitid_meaning(call, task, group);
	case SYS_read:
	case SYS_readv:
	case SYS_recvfrom:
	case SYS_recvmsg:
		return on_descriptor(DLW_READ_CALL, call->arguments[0], 0);
	case SYS_write:
	case SYS_writev:
	case SYS_sendto:
	case SYS_sendmsg:
		return on_descriptor(DLW_WRITE_CALL, call->arguments[0], 0);
	case SYS_flock:
		return on_descriptor(DLW_LOCK_CALL, call->arguments[0], DLW_FLOCK);
	case SYS_fcntl:
		if ((int)call->arguments[1] == F_SETLKW)
			return on_descriptor(DLW_LOCK_CALL, call->arguments[0], DLW_RECORD_LOCK);
		if ((int)call->arguments[1] == F_OFD_SETLKW)
			return on_descriptor(DLW_LOCK_CALL, call->arguments[0], DLW_OPEN_FILE_LOCK);
		return none();
	default:
		return dlw_is_endless_poll(call) ? on_descriptor(DLW_POLL_CALL, (uint64_t)-1, 0) :
						   none();
	}
}
