/*
 * core/watch/unix_socket.h - what is at the other end of a UNIX socket
 */
#ifndef DLW_CORE_WATCH_UNIX_SOCKET_H
#define DLW_CORE_WATCH_UNIX_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

/**
 * dlw_unix_peer() - the inode of the socket that @inode is connected to
 *
 * Asks the kernel's socket diagnosis, which speaks of our own network namespace.
 * Return: 0: no connected stream or packet socket of this kind, or no answer.
 */
uint32_t dlw_unix_peer(uint32_t inode);

/**
 * dlw_socket_waits_for_ever() - neither reading nor writing on it times out
 *
 * Takes a copy of the descriptor for the length of one question. Return: false
 * also if that is not allowed.
 */
bool dlw_socket_waits_for_ever(int32_t pid, int fd);

#endif
