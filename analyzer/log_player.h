/*
 * analyzer/log_player.h - a log, stepped through in both directions
 *
 *	struct dlw_player *player = dlw_player_new(replay, symbols, &terminal);
 *
 *	dlw_player_go(player, 100);	// so many events have happened
 *	dlw_player_show(player);	// the last one, and who waits for whom
 *	dlw_player_go(player, 99);
 *	dlw_player_free(player);
 *
 * Going back plays from the beginning again. What is deadlocked at a moment is
 * judged as `dlwatch analyze` judges it.
 */
#ifndef DLW_ANALYZER_LOG_PLAYER_H
#define DLW_ANALYZER_LOG_PLAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "analyzer/log_replay.h"
#include "analyzer/terminal.h"

struct dlw_player;
struct dlw_symbols;

/** dlw_player_new() - plays to the end once, to know its length, and back to the beginning */
struct dlw_player *dlw_player_new(struct dlw_replay *replay, struct dlw_symbols *symbols,
				  const struct dlw_terminal *terminal);

void dlw_player_free(struct dlw_player *player);

/** dlw_player_length() - events of the whole log */
uint64_t dlw_player_length(const struct dlw_player *player);

/** dlw_player_at() - events that have happened */
uint64_t dlw_player_at(const struct dlw_player *player);

/** dlw_player_go() - to the moment after event number @event, or as near as there is one */
void dlw_player_go(struct dlw_player *player, uint64_t event);

/** dlw_player_closed() - the event that closed the first deadlock of the log's end; 0: none */
uint64_t dlw_player_closed(const struct dlw_player *player);

/**
 * dlw_player_find() - the next event whose line has @text, or the one before
 *
 * Return: false, and the player stays, if there is none.
 */
bool dlw_player_find(struct dlw_player *player, const char *text, bool backward);

/** dlw_player_show() - where we are: the last event, and the wait-for graph */
void dlw_player_show(struct dlw_player *player);

/** dlw_player_waits() - the wait-for graph: who waits, for what, held by whom */
void dlw_player_waits(struct dlw_player *player);

/** dlw_player_holds() - what each thread holds, and where it took it */
void dlw_player_holds(struct dlw_player *player);

/** dlw_player_threads() - all threads, and what became of them so far */
void dlw_player_threads(struct dlw_player *player);

#endif
