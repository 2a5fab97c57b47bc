/*
 * analyzer/program.c - finding the shim; telling before the start what it cannot do
 */
#include "analyzer/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gelf.h>

bool dlw_program_find_shim(char path[DLW_PATH_MAX])
{
	static const char *const places[] = { "libdlwatch.so", "../lib/libdlwatch.so" };
	char own[DLW_PATH_MAX - 32];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;
	unsigned i;

	own[length > 0 ? length : 0] = '\0';
	slash = strrchr(own, '/');
	for (i = 0; slash && i < 2; i++) {
		snprintf(path, DLW_PATH_MAX, "%.*s/%s", (int)(slash - own), own, places[i]);
		if (access(path, R_OK) == 0)
			return true;
	}
	fprintf(stderr, "dlwatch: libdlwatch.so: not beside the dlwatch program nor in ../lib: "
			"build or install it\n");
	return false;
}

/** find_program() - as execvp does; Return: 0 or the errno that execvp would have */
static int find_program(const char *name, char path[DLW_PATH_MAX])
{
	const char *directories = getenv("PATH");
	int error = ENOENT;

	if (strchr(name, '/')) {
		snprintf(path, DLW_PATH_MAX, "%s", name);
		return access(path, X_OK) == 0 ? 0 : errno;
	}
	if (!directories)
		directories = "/usr/local/bin:/bin:/usr/bin";
	while (*directories) {
		const char *end = strchrnul(directories, ':');

		snprintf(path, DLW_PATH_MAX, "%.*s%s%s", (int)(end - directories), directories,
			 end == directories ? "./" : "/", name);
		if (access(path, X_OK) == 0)
			return 0;
		if (errno == EACCES)
			error = EACCES;
		directories = *end ? end + 1 : end;
	}
	return error;
}

/** is_static() - an ELF program without a program interpreter: nothing will be preloaded */
static bool is_static(int fd)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	uint16_t i;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG))
		return false;
	if (header.e_ident[EI_CLASS] != ELFCLASS64)
		return false;
	for (i = 0; i < header.e_phnum; i++)
		if (pread(fd, &segment, sizeof(segment),
			  (off_t)(header.e_phoff + (uint64_t)i * sizeof(segment))) !=
			    sizeof(segment) ||
		    segment.p_type == PT_INTERP)
			return false;
	return header.e_type == ET_EXEC || header.e_type == ET_DYN;
}

static bool is_foreign(int fd)
{
	Elf64_Ehdr header;

	return pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	       !memcmp(header.e_ident, ELFMAG, SELFMAG) &&
	       header.e_ident[EI_CLASS] != ELFCLASS64;
}

/** names_library() - a dynamic section asks for one whose name begins with @library */
static bool names_library(Elf *elf, Elf_Scn *section, const char *library)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Shdr header;
	GElf_Dyn entry;
	int i;

	if (!data || !gelf_getshdr(section, &header))
		return false;
	for (i = 0; gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++) {
		const char *name = entry.d_tag == DT_NEEDED ?
					   elf_strptr(elf, header.sh_link, entry.d_un.d_val) :
					   NULL;

		if (name && !strncmp(name, library, strlen(library)))
			return true;
	}
	return false;
}

/** needs_library() - the program itself does */
static bool needs_library(int fd, const char *library)
{
	Elf_Scn *section = NULL;
	bool needs = false;
	GElf_Shdr header;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	while (!needs && (section = elf_nextscn(elf, section)))
		needs = gelf_getshdr(section, &header) && header.sh_type == SHT_DYNAMIC &&
			names_library(elf, section, library);
	elf_end(elf);
	return needs;
}

/** wants_to_be_first() - gcc's AddressSanitizer ends a program where another library comes before it */
static bool wants_to_be_first(int fd)
{
	const char *options = getenv("ASAN_OPTIONS");

	return !(options && strstr(options, "verify_asan_link_order")) &&
	       needs_library(fd, "libasan.so");
}

/** changes_identity() - the kernel will start it with other ids, and the loader be wary */
static bool changes_identity(const struct stat *status)
{
	return ((status->st_mode & S_ISUID) && status->st_uid != getuid()) ||
	       ((status->st_mode & S_ISGID) && status->st_gid != getgid());
}

static void warn(const char *path, const char *what)
{
	fprintf(stderr, "dlwatch: %s: %s: it runs, but is not watched\n", path, what);
}

int dlw_program_check(const char *name)
{
	char path[DLW_PATH_MAX];
	struct stat status;
	int error = find_program(name, path);
	int fd;

	if (!error && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		error = EACCES;
	if (error) {
		fprintf(stderr, "dlwatch: %s: %s\n", name, strerror(error));
		return error == ENOENT || error == ENOTDIR ? 127 : 126;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0; /* may be executed without being readable */
	if (changes_identity(&status))
		warn(path, "is set-user-id, and the loader ignores LD_PRELOAD");
	else if (is_foreign(fd))
		warn(path, "is a 32-bit program");
	else if (is_static(fd))
		warn(path, "is statically linked, and nothing can be preloaded");
	else if (wants_to_be_first(fd))
		fprintf(stderr, "dlwatch: %s: its AddressSanitizer starts behind no other library "
				"unless ASAN_OPTIONS=verify_asan_link_order=0 is set\n", path);
	close(fd);
	return 0;
}
