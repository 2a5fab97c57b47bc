/*
 * libgate.h - holding a thread between the shim and the C library
 */
#ifndef DLW_E2E_LIBGATE_H
#define DLW_E2E_LIBGATE_H

#include <pthread.h>

/* The calling thread's next lock of @mutex waits at the gate, and says so in *@arrived. */
void gate_arm(const pthread_mutex_t *mutex, int *arrived);

/* For everybody, for good. */
void gate_open(void);

#endif
