/*
 * shim/symbols.h - every function dlwatch stands in front of
 *
 * DLW_SYMBOL(result, name, version, (parameters), (arguments))
 *
 * @version: the symbol version to prefer where the C library has several of
 * that name, "" for its default. A function the C library does not have is
 * NULL in the table, and its hook fails as the kernel would: ENOSYS.
 */
/* pthread mutexes */
DLW_SYMBOL(int, pthread_mutex_init, "", (pthread_mutex_t * m, const pthread_mutexattr_t *a), (m, a))
DLW_SYMBOL(int, pthread_mutex_destroy, "", (pthread_mutex_t * m), (m))
DLW_SYMBOL(int, pthread_mutex_lock, "", (pthread_mutex_t * m), (m))
DLW_SYMBOL(int, pthread_mutex_trylock, "", (pthread_mutex_t * m), (m))
DLW_SYMBOL(int, pthread_mutex_timedlock, "", (pthread_mutex_t * m, const struct timespec *t), (m, t))
DLW_SYMBOL(int, pthread_mutex_clocklock, "", (pthread_mutex_t * m, clockid_t c, const struct timespec *t), (m, c, t))
DLW_SYMBOL(int, pthread_mutex_unlock, "", (pthread_mutex_t * m), (m))
DLW_SYMBOL(int, pthread_mutex_consistent, "", (pthread_mutex_t * m), (m))
DLW_SYMBOL(int, pthread_mutex_setprioceiling, "", (pthread_mutex_t * m, int p, int *o), (m, p, o))
/* reader-writer locks */
DLW_SYMBOL(int, pthread_rwlock_init, "", (pthread_rwlock_t * l, const pthread_rwlockattr_t *a), (l, a))
DLW_SYMBOL(int, pthread_rwlock_destroy, "", (pthread_rwlock_t * l), (l))
DLW_SYMBOL(int, pthread_rwlock_rdlock, "", (pthread_rwlock_t * l), (l))
DLW_SYMBOL(int, pthread_rwlock_tryrdlock, "", (pthread_rwlock_t * l), (l))
DLW_SYMBOL(int, pthread_rwlock_timedrdlock, "", (pthread_rwlock_t * l, const struct timespec *t), (l, t))
DLW_SYMBOL(int, pthread_rwlock_clockrdlock, "", (pthread_rwlock_t * l, clockid_t c, const struct timespec *t), (l, c, t))
DLW_SYMBOL(int, pthread_rwlock_wrlock, "", (pthread_rwlock_t * l), (l))
DLW_SYMBOL(int, pthread_rwlock_trywrlock, "", (pthread_rwlock_t * l), (l))
DLW_SYMBOL(int, pthread_rwlock_timedwrlock, "", (pthread_rwlock_t * l, const struct timespec *t), (l, t))
DLW_SYMBOL(int, pthread_rwlock_clockwrlock, "", (pthread_rwlock_t * l, clockid_t c, const struct timespec *t), (l, c, t))
DLW_SYMBOL(int, pthread_rwlock_unlock, "", (pthread_rwlock_t * l), (l))
/* spinlocks */
DLW_SYMBOL(int, pthread_spin_init, "", (pthread_spinlock_t * l, int p), (l, p))
DLW_SYMBOL(int, pthread_spin_destroy, "", (pthread_spinlock_t * l), (l))
DLW_SYMBOL(int, pthread_spin_lock, "", (pthread_spinlock_t * l), (l))
DLW_SYMBOL(int, pthread_spin_trylock, "", (pthread_spinlock_t * l), (l))
DLW_SYMBOL(int, pthread_spin_unlock, "", (pthread_spinlock_t * l), (l))
/* barriers */
DLW_SYMBOL(int, pthread_barrier_init, "", (pthread_barrier_t * b, const pthread_barrierattr_t *a, unsigned int n), (b, a, n))
DLW_SYMBOL(int, pthread_barrier_destroy, "", (pthread_barrier_t * b), (b))
DLW_SYMBOL(int, pthread_barrier_wait, "", (pthread_barrier_t * b), (b))
/* what is done once */
DLW_SYMBOL(int, pthread_once, "", (pthread_once_t * o, void (*f)(void)), (o, f))
DLW_SYMBOL(void, call_once, "", (once_flag * o, void (*f)(void)), (o, f))
/* semaphores */
DLW_SYMBOL(int, sem_init, "", (sem_t * s, int p, unsigned int v), (s, p, v))
DLW_SYMBOL(int, sem_destroy, "", (sem_t * s), (s))
DLW_SYMBOL(int, sem_close, "", (sem_t * s), (s))
DLW_SYMBOL(int, sem_unlink, "", (const char *n), (n))
DLW_SYMBOL(int, sem_wait, "", (sem_t * s), (s))
DLW_SYMBOL(int, sem_trywait, "", (sem_t * s), (s))
DLW_SYMBOL(int, sem_timedwait, "", (sem_t * s, const struct timespec *t), (s, t))
DLW_SYMBOL(int, sem_clockwait, "", (sem_t * s, clockid_t c, const struct timespec *t), (s, c, t))
DLW_SYMBOL(int, sem_post, "", (sem_t * s), (s))
/*
 * condition variables: their mutex is given back and had again inside
 *
 * Programs bound to the GLIBC_2.2.5 names come here, too, and get the newer
 * functions: their pthread_cond_t is as large, and their initialiser, all zero,
 * is the newer one's. What counts is that nobody mixes the two, and with us in
 * front nobody does.
 */
DLW_SYMBOL(int, pthread_cond_wait, "GLIBC_2.3.2", (pthread_cond_t * c, pthread_mutex_t *m), (c, m))
DLW_SYMBOL(int, pthread_cond_timedwait, "GLIBC_2.3.2", (pthread_cond_t * c, pthread_mutex_t *m, const struct timespec *t), (c, m, t))
DLW_SYMBOL(int, pthread_cond_clockwait, "", (pthread_cond_t * c, pthread_mutex_t *m, clockid_t k, const struct timespec *t), (c, m, k, t))
DLW_SYMBOL(int, pthread_cond_signal, "GLIBC_2.3.2", (pthread_cond_t * c), (c))
DLW_SYMBOL(int, pthread_cond_broadcast, "GLIBC_2.3.2", (pthread_cond_t * c), (c))
DLW_SYMBOL(int, pthread_cond_init, "GLIBC_2.3.2", (pthread_cond_t * c, const pthread_condattr_t *a), (c, a))
DLW_SYMBOL(int, pthread_cond_destroy, "GLIBC_2.3.2", (pthread_cond_t * c), (c))
/* threads */
DLW_SYMBOL(int, pthread_create, "", (pthread_t * t, const pthread_attr_t *a, void *(*f)(void *), void *x), (t, a, f, x))
DLW_SYMBOL(int, pthread_join, "", (pthread_t t, void **r), (t, r))
DLW_SYMBOL(int, pthread_tryjoin_np, "", (pthread_t t, void **r), (t, r))
DLW_SYMBOL(int, pthread_timedjoin_np, "", (pthread_t t, void **r, const struct timespec *a), (t, r, a))
DLW_SYMBOL(int, pthread_clockjoin_np, "", (pthread_t t, void **r, clockid_t c, const struct timespec *a), (t, r, c, a))
DLW_SYMBOL(int, pthread_setname_np, "", (pthread_t t, const char *n), (t, n))
DLW_SYMBOL(int, pthread_detach, "", (pthread_t t), (t))
DLW_SYMBOL(int, pthread_setcanceltype, "", (int t, int *o), (t, o))
DLW_SYMBOL(void, pthread_exit, "", (void *v), (v))
DLW_SYMBOL(void, thrd_exit, "", (int v), (v))
/* C11 threads: in glibc these do not go through the pthread names */
DLW_SYMBOL(int, mtx_init, "", (mtx_t * m, int t), (m, t))
DLW_SYMBOL(int, mtx_lock, "", (mtx_t * m), (m))
DLW_SYMBOL(int, mtx_trylock, "", (mtx_t * m), (m))
DLW_SYMBOL(int, mtx_timedlock, "", (mtx_t * m, const struct timespec *t), (m, t))
DLW_SYMBOL(int, mtx_unlock, "", (mtx_t * m), (m))
DLW_SYMBOL(void, mtx_destroy, "", (mtx_t * m), (m))
DLW_SYMBOL(int, cnd_init, "", (cnd_t * c), (c))
DLW_SYMBOL(void, cnd_destroy, "", (cnd_t * c), (c))
DLW_SYMBOL(int, cnd_wait, "", (cnd_t * c, mtx_t *m), (c, m))
DLW_SYMBOL(int, cnd_timedwait, "", (cnd_t * c, mtx_t *m, const struct timespec *t), (c, m, t))
DLW_SYMBOL(int, cnd_signal, "", (cnd_t * c), (c))
DLW_SYMBOL(int, cnd_broadcast, "", (cnd_t * c), (c))
DLW_SYMBOL(int, thrd_create, "", (thrd_t * t, thrd_start_t f, void *x), (t, f, x))
DLW_SYMBOL(int, thrd_join, "", (thrd_t t, int *r), (t, r))
DLW_SYMBOL(int, thrd_detach, "", (thrd_t t), (t))
/* not ours to watch: the unwinder's are answered or moved out of the way, see unwind.c */
DLW_SYMBOL(int, pipe2, "", (int d[2], int f), (d, f))
DLW_SYMBOL(int, mincore, "", (void *a, size_t n, unsigned char *v), (a, n, v))
/* ends and successors of a process */
DLW_SYMBOL(void, quick_exit, "", (int s), (s))
DLW_SYMBOL(int, execve, "", (const char *p, char *const *a, char *const *e), (p, a, e))
DLW_SYMBOL(int, execvpe, "", (const char *p, char *const *a, char *const *e), (p, a, e))
DLW_SYMBOL(int, fexecve, "", (int d, char *const *a, char *const *e), (d, a, e))
/* births: what they begin finds the session by its ancestors */
DLW_SYMBOL(int, posix_spawn, "", (pid_t * p, const char *f, const posix_spawn_file_actions_t *c, const posix_spawnattr_t *t, char *const *a, char *const *e), (p, f, c, t, a, e))
DLW_SYMBOL(int, posix_spawnp, "", (pid_t * p, const char *f, const posix_spawn_file_actions_t *c, const posix_spawnattr_t *t, char *const *a, char *const *e), (p, f, c, t, a, e))
DLW_SYMBOL(int, system, "", (const char *c), (c))
DLW_SYMBOL(FILE *, popen, "", (const char *c, const char *m), (c, m))
/*
 * Hooks with no entry of their own in the table, named here so that the list
 * of what we export is complete: they end in one of the above or in a system
 * call, or have a variable number of arguments.
 */
#ifndef DLW_SYMBOL_ALSO
#define DLW_SYMBOL_ALSO(name)
#endif
DLW_SYMBOL_ALSO(sem_open)
DLW_SYMBOL_ALSO(execv)
DLW_SYMBOL_ALSO(execvp)
DLW_SYMBOL_ALSO(execl)
DLW_SYMBOL_ALSO(execlp)
DLW_SYMBOL_ALSO(execle)
DLW_SYMBOL_ALSO(_exit)
DLW_SYMBOL_ALSO(_Exit)
DLW_SYMBOL_ALSO(dl_iterate_phdr)
DLW_SYMBOL_ALSO(sigprocmask)
DLW_SYMBOL_ALSO(prctl)
DLW_SYMBOL_ALSO(dlwatch_annotate)
