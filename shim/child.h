/*
 * shim/child.h - processes of our own that the program must not notice
 */
#ifndef DLW_SHIM_CHILD_H
#define DLW_SHIM_CHILD_H

/**
 * dlw_child_wait() - until a child without an exit signal has ended
 *
 * Return: its exit status, 127 if a signal ended it, 1 if somebody else took
 *         the status; -1 if it goes on after @milliseconds.
 */
int dlw_child_wait(int pid, unsigned milliseconds);

#endif
