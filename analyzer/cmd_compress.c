/*
 * cmd_compress.c - `dlwatch compress`: logs of programs that have ended
 */
#include <argp.h>
#include <errno.h>

#include "analyzer/commands.h"
#include "analyzer/log_arguments.h"
#include "analyzer/log_pack.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	char ***logs = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_ARGS:
		*logs = state->argv + state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "what? Give logs or session directories");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp compress_argp = {
	NULL,
	parse,
	"LOG...",
	"Compresses the logs of programs that have ended, in place: NAME.dlw becomes "
	"NAME.dlw.zst. Every command that reads logs reads these.\v"
	"Example:\n"
	"  dlwatch run --log=logs ./app; dlwatch compress logs; dlwatch analyze logs\n"
	"\n"
	"zstd -d --rm logs/*.zst undoes it. Exit status: 0, or 2 if something is no log, is still "
	"written, or cannot be compressed.",
	NULL,
	NULL,
	NULL,
};

int dlw_cmd_compress(int argc, char **argv)
{
	char **logs = NULL;

	argp_err_exit_status = 2;
	argp_parse(&compress_argp, argc, argv, 0, NULL, &logs);
	return dlw_log_arguments_each(logs, dlw_log_pack_visit, NULL) ? 0 : 2;
}
