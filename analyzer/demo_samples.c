/*
 * demo_samples.c - the table behind `dlwatch demo`
 *
 * The expectations are checked whenever a demo runs: its exit status says
 * whether dlwatch saw what is written here.
 */
#include "analyzer/demo_samples.h"

#include <stddef.h>
#include <string.h>

#define ORDERS_LOOK \
	"Both orders of the locks have become harmless: compare the source with\n" \
	"two_locks.c, and read its head for the price of this cure.\n"

const struct dlw_sample dlw_samples[] = {
	{ .file = "two_locks",
	  .title = "two threads, two locks, two orders: the smallest deadlock",
	  .story = "One clerk moves money from Alice to Bob, another one from Bob to Alice.\n"
		   "Each locks the account it takes from, then the one it pays into. Now each\n"
		   "has its first lock, and waits for the one that the other has.\n",
	  .verdict = "proven", .core = 2,
	  .look = "The cycle in the first lines; then, for each thread, two places in the\n"
		  "source: where it took what it holds, and where it wants the other lock.\n"
		  "All four conditions hold; taking any one away is a cure: see the demos\n"
		  "cure_mutual_exclusion, cure_hold_and_wait, cure_no_preemption and\n"
		  "cure_circular_wait.\n",
	  .cure = "two_locks_ordered" },
	{ .file = "two_locks_ordered",
	  .title = "its cure: one order for everybody",
	  .story = "Both clerks lock Alice's account first, whatever way the money goes.\n",
	  .look = "Nothing is reported: with one order there is nobody who holds the second\n"
		  "lock and waits for the first.\n" },
	{ .file = "inversion",
	  .title = "the same mistake, in a run that was lucky",
	  .story = "Both clerks take their locks in their own order again, but the second one\n"
		   "has a coffee first: they never meet.\n",
	  .look = "Nothing is reported, and nothing hangs. The orders are wrong all the same:\n"
		  "run it with 'dlwatch run --log=DIR', and 'dlwatch analyze DIR' predicts the\n"
		  "deadlock, with the schedule that leads there.\n",
	  .cure = "two_locks_ordered" },
	{ .file = "cure_mutual_exclusion",
	  .title = "two_locks without mutual exclusion: atomic balances",
	  .story = "Condition 1: a resource that one thread at a time can have. The balances are\n"
		   "atomic here; there is no lock to wait for.\n",
	  .look = ORDERS_LOOK, .cure = "cure_hold_and_wait" },
	{ .file = "cure_hold_and_wait",
	  .title = "two_locks without hold and wait: all locks at once, behind a gate",
	  .story = "Condition 2: to keep what one has while waiting for more. Here a clerk gets\n"
		   "both locks behind a gate that lets one clerk through at a time.\n",
	  .look = ORDERS_LOOK, .cure = "cure_no_preemption" },
	{ .file = "cure_no_preemption",
	  .title = "two_locks without no-preemption: try, back off, try again",
	  .story = "Condition 3: what is held cannot be taken away. Here a clerk that does not\n"
		   "get its second lock at once gives the first one back.\n",
	  .look = ORDERS_LOOK, .cure = "cure_circular_wait" },
	{ .file = "cure_circular_wait",
	  .title = "two_locks without circular wait: an order computed from addresses",
	  .story = "Condition 4: a closed circle of waiting. Here any two accounts are locked in\n"
		   "the order of their addresses.\n",
	  .look = ORDERS_LOOK },
	{ .file = "philosophers",
	  .title = "dining philosophers: a cycle may have any length (try: philosophers 12)",
	  .story = "N philosophers at a round table, N forks, and everybody has the left fork\n"
		   "and waits for the right one.\n",
	  .verdict = "proven", .core = 5, .sized = true,
	  .look = "The cycle goes once around the table: every fork is held by one thread and\n"
		  "wanted by its neighbour. It does not matter where one starts to read.\n",
	  .cure = "philosophers_cured" },
	{ .file = "philosophers_cured",
	  .title = "its cure: one philosopher is left-handed",
	  .story = "Everybody takes the fork with the lower number first; for the last\n"
		   "philosopher that is the right one.\n",
	  .look = "Nothing is reported: the circle has a beginning and an end now.\n" },
	{ .file = "philosophers_semaphores",
	  .title = "the same with semaphores, which have no owner: likely, not proven",
	  .story = "Each fork is a semaphore with one permit. In a first course everybody ate\n"
		   "alone and put back what it took: these semaphores are used like locks.\n",
	  .verdict = "likely", .core = 5, .sized = true,
	  .look = "The verdict: a semaphore may be posted by anybody, so that ownership is\n"
		  "inferred from what was seen so far. The evidence under the four conditions\n"
		  "says so.\n",
	  .cure = "philosophers_semaphores_cured" },
	{ .file = "philosophers_semaphores_cured",
	  .title = "its cure: one chair fewer than philosophers",
	  .story = "A counting semaphore lets N - 1 philosophers sit down at the same time.\n",
	  .look = "Nothing is reported: one of those who sit always finds two forks.\n" },
	{ .file = "self_relock",
	  .title = "one thread is enough: it waits for itself",
	  .story = "withdraw() locks the till and calls charge_fee(), which locks the till.\n",
	  .verdict = "proven", .core = 1,
	  .look = "One thread, one mutex, two stacks: taken in withdraw(), wanted in\n"
		  "charge_fee(). The thread is its own releaser.\n",
	  .cure = "self_relock_cured" },
	{ .file = "self_relock_cured",
	  .title = "its cure: a recursive mutex",
	  .story = "A recursive mutex knows its owner, and counts.\n",
	  .look = "Nothing is reported. The source names a better cure, too: a function for\n"
		  "callers that hold the lock already.\n" },
	{ .file = "semaphore_pool",
	  .title = "one resource is enough: three permits, three threads that need two",
	  .story = "Three buffers, three copiers, and each copier needs two. Everybody has taken\n"
		   "one.\n",
	  .verdict = "likely", .core = 3,
	  .look = "Each thread holds one permit of `pool` and wants one more: what counts is\n"
		  "permits, not objects.\n",
	  .cure = "semaphore_pool_cured" },
	{ .file = "semaphore_pool_cured",
	  .title = "its cure: one at a time may collect permits",
	  .story = "A mutex is held from the first permit to the second.\n",
	  .look = "Nothing is reported: who finds the pool empty waits for somebody who has\n"
		  "both.\n" },
	{ .file = "bounded_buffer_wrong_order",
	  .title = "waiting for an event with a lock in hand",
	  .story = "The consumer locks the buffer, then waits for an item. The producer needs that\n"
		   "lock to bring one.\n",
	  .verdict = "likely", .core = 2,
	  .look = "Two edges of different kinds: a lock that is held, and a signal that one\n"
		  "thread alone has sent so far. Both are hold and wait.\n",
	  .cure = "bounded_buffer" },
	{ .file = "bounded_buffer",
	  .title = "its cure: wait first, then lock",
	  .story = "The consumer waits for an item with empty hands.\n",
	  .look = "Nothing is reported, although the consumer waits: a semaphore that is posted\n"
		  "by others is a signal, and somebody can still send it.\n" },
	{ .file = "join_while_holding",
	  .title = "joining is waiting, too",
	  .story = "The main thread joins a worker and holds the lock that the worker needs.\n",
	  .verdict = "proven", .core = 2,
	  .look = "One edge of the cycle is a lock, the other one is a thread: it `holds' its\n"
		  "own end until it returns.\n",
	  .cure = "join_while_holding_cured" },
	{ .file = "join_while_holding_cured",
	  .title = "its cure: unlock, then join",
	  .story = "The main thread gives the lock back before it waits for the worker.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "forgotten_post",
	  .title = "a signal that nobody gives: the whole program has stopped",
	  .story = "Two runners wait for the start signal; the main thread waits for the runners.\n"
		   "Nobody holds a lock. (The verdict takes a second longer than others.)\n",
	  .verdict = "stalled", .core = 3,
	  .look = "The verdict: it is not known who ought to post the semaphore, but everybody\n"
		  "who could is waiting.\n",
	  .cure = "forgotten_post_cured" },
	{ .file = "forgotten_post_cured",
	  .title = "its cure: give the signal",
	  .story = "The main thread posts once for each runner.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "python_two_locks.py",
	  .title = "two_locks in Python: the interpreter lock does not help",
	  .story = "threading.Lock in two orders. Inside CPython such a lock is a semaphore with\n"
		   "one permit.\n",
	  .verdict = "likely", .core = 2,
	  .look = "Python's lines and names of threads. The verdict: likely, because anybody may\n"
		  "release a threading.Lock. The interpreter lock is no part of the cycle: who\n"
		  "waits gives it away.\n",
	  .cure = "python_two_locks_ordered" },
	{ .file = "python_two_locks_ordered.py",
	  .title = "its cure: one order",
	  .story = "Both threads take Alice's lock first.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "python_processes.py",
	  .title = "two_locks between two Python processes",
	  .story = "multiprocessing.Lock in two orders: two interpreters, two interpreter locks, and\n"
		   "two semaphores that both processes have mapped.\n",
	  .verdict = "likely", .core = 2,
	  .look = "Two pids. The locks have names in the file system (they are unlinked by now),\n"
		  "and each process shows the Python line where it waits.\n",
	  .cure = "python_processes_cured" },
	{ .file = "python_processes_cured.py",
	  .title = "its cure: one order",
	  .story = "Both processes take Alice's lock first.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "python_queue_join.py",
	  .title = "queue.join() with a task_done() too few",
	  .story = "A consumer drops a parcel and forgets to say that it is done. The main thread\n"
		   "waits until all are done, the consumer for the next parcel.\n"
		   "(The verdict takes a second longer than others.)\n",
	  .verdict = "stalled", .core = 2,
	  .look = "Two lines of Python: work.join() and work.get(). Nobody holds a lock; but\n"
		  "whoever could call task_done() is waiting.\n",
	  .cure = "python_queue_join_cured" },
	{ .file = "python_queue_join_cured.py",
	  .title = "its cure: task_done() in a finally clause",
	  .story = "A parcel that was dropped is done, too.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "python_gil.py",
	  .title = "a lock of C code against the interpreter's own",
	  .story = "The main thread has an image's mutex and wants the interpreter back; another one\n"
		   "has the interpreter and waits for the mutex.\n",
	  .verdict = "likely", .core = 2,
	  .look = "One thread asks again and again for the interpreter: a wait that polls counts as\n"
		  "a wait once it has gone on for a while, and the verdict is likely.\n",
	  .cure = "python_gil_cured" },
	{ .file = "python_gil_cured.py",
	  .title = "its cure: never wait with the interpreter in hand",
	  .story = "The C call gives the interpreter away while it waits.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "python_futures.py",
	  .title = "a task that waits for one behind it in the same pool",
	  .story = "The only worker of a pool waits for the result of a task that only it could\n"
		   "compute. (The verdict takes a second longer than others.)\n",
	  .verdict = "stalled", .core = 2,
	  .look = "The worker waits in report() for a result; the main thread waits for it.\n",
	  .cure = "python_futures_cured" },
	{ .file = "python_futures_cured.py",
	  .title = "its cure: call the function",
	  .story = "The report computes its chapter itself.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "producer_consumer",
	  .title = "no fault: a queue with a lock and two condition variables",
	  .story = "Producer and consumer wait for each other many times, because the queue is\n"
		   "small.\n",
	  .look = "Nothing is reported: waiting is no deadlock while somebody can go on.\n" },
	{ .file = "two_spinlocks",
	  .title = "busy waiting: the deadlock that makes the fan turn",
	  .story = "two_locks with spinlocks: who waits does not sleep, it asks again and again.\n",
	  .verdict = "proven", .core = 2,
	  .look = "Two running threads, and a deadlock all the same. A tool that looks for\n"
		  "sleeping threads sees nothing here.\n",
	  .cure = "two_spinlocks_cured" },
	{ .file = "two_spinlocks_cured",
	  .title = "its cure: one order, held briefly",
	  .story = "Both threads take the head's lock first, and never sleep with it.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "read_then_write",
	  .title = "one rwlock is enough: a reader who wants to write",
	  .story = "The editor reads the page, and asks for the write lock without leaving.\n",
	  .verdict = "proven", .core = 1,
	  .look = "One thread, one lock in two modes. A writer waits for every reader, and one\n"
		  "of them is the editor.\n",
	  .cure = "read_then_write_cured" },
	{ .file = "read_then_write_cured",
	  .title = "its cure: leave, come back as a writer, look again",
	  .story = "The read lock is given back before the write lock is asked for.\n",
	  .look = "Nothing is reported. The price is in the source: the page may have changed.\n" },
	{ .file = "missing_party",
	  .title = "a barrier that waits for somebody who cannot come",
	  .story = "One worker arrives at the barrier with the lock that the other one needs on\n"
		   "its way there.\n",
	  .verdict = "likely", .core = 2,
	  .look = "One edge is a lock, the other one a barrier: who will come to it is inferred\n"
		  "from who came to the round before.\n",
	  .cure = "missing_party_cured" },
	{ .file = "missing_party_cured",
	  .title = "its cure: arrive with empty hands",
	  .story = "The first worker unlocks before it goes to the barrier.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "once_in_once",
	  .title = "two initialisers that need each other",
	  .story = "pthread_once() makes everybody wait until an initialiser has finished. Two of\n"
		   "them run, and each wants the other one finished first.\n",
	  .verdict = "proven", .core = 2,
	  .look = "No lock is named in the source: what is held and wanted is a `once'.\n",
	  .cure = "once_in_once_cured" },
	{ .file = "once_in_once_cured",
	  .title = "its cure: dependencies in one direction",
	  .story = "The clock no longer needs the journal to be set up.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "two_processes",
	  .title = "two_locks with two processes: the locks lie in shared memory",
	  .story = "The parent moves money one way, its child the other.\n",
	  .verdict = "proven", .core = 2,
	  .look = "Two pids. The locks are the same for both, wherever each process has mapped\n"
		  "them.\n",
	  .cure = "two_processes_cured" },
	{ .file = "two_processes_cured",
	  .title = "its cure: one order for all processes",
	  .story = "Parent and child both lock Alice's account first.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "philosophers_processes",
	  .title = "dining philosophers, each a process of its own",
	  .story = "The forks lie in shared memory, and the philosophers share nothing else.\n",
	  .verdict = "proven", .core = 5, .sized = true,
	  .look = "One report for a cycle through all the processes.\n",
	  .cure = "philosophers_cured" },
	{ .file = "full_pipe",
	  .title = "the parent waits for the child, the child for room in the pipe",
	  .story = "A child says more than a pipe holds. Its parent waits for it to finish, and\n"
		   "means to read afterwards.\n",
	  .verdict = "proven", .core = 2,
	  .look = "No lock at all: one waits for a process, the other one for a pipe whose only\n"
		  "reader is the first.\n",
	  .cure = "full_pipe_cured" },
	{ .file = "full_pipe_cured",
	  .title = "its cure: read to the end, then wait",
	  .story = "Two lines have changed places.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "two_files",
	  .title = "two processes lock two files in two orders",
	  .story = "flock() on two files, in opposite orders in parent and child.\n",
	  .verdict = "proven", .core = 2,
	  .look = "The same cycle as in two_locks, in locks that the kernel keeps.\n",
	  .cure = "two_files_cured" },
	{ .file = "two_files_cured",
	  .title = "its cure: files are locked in the order of their names",
	  .story = "Whoever copies, and whichever way, locks the first name first.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "fork_held_lock",
	  .title = "a lock whose holder was left behind by fork()",
	  .story = "fork() copies a lock that a logger thread holds, and not the logger.\n",
	  .kind = "orphan", .verdict = "proven", .core = 1,
	  .look = "There is no circle: the child waits for a thread that does not exist. The\n"
		  "place where that thread took the lock is in the parent.\n",
	  .cure = "fork_held_lock_cured" },
	{ .file = "fork_held_lock_cured",
	  .title = "its cure: own every lock at the moment of the fork",
	  .story = "pthread_atfork() takes the lock before the fork, and gives it back after it,\n"
		   "in both processes.\n",
	  .look = "Nothing is reported.\n" },
	{ .file = "joined_helper",
	  .title = "a helper that waits for work, and somebody who waits for the helper",
	  .story = "A helper waits on a condition variable for work. The main thread has none left\n"
		   "and joins it, without a word.\n",
	  .verdict = "stalled", .core = 2,
	  .look = "The verdict: nobody has ever signalled this condition, and everybody who could\n"
		  "is waiting.\n",
	  .cure = "daemon_thread" },
	{ .file = "daemon_thread",
	  .title = "no fault: a helper left waiting when the program ends",
	  .story = "The same helper, but the main thread just returns, which ends the process.\n",
	  .look = "Nothing is reported: nobody waits for the helper.\n" },
	{ .file = "livelock",
	  .title = "no deadlock: back-off in step, work without progress",
	  .story = "Both clerks try, are refused, give back, and begin again, a thousand times.\n",
	  .look = "Nothing is reported: no preemption is broken, so nobody waits for ever. The\n"
		  "statistics of a log (dlwatch run --log=DIR, dlwatch analyze DIR) show a\n"
		  "thousand acquisitions for one transfer.\n" },
	{ .file = NULL },
};

const struct dlw_sample *dlw_sample_find(const char *name)
{
	const struct dlw_sample *sample;
	size_t length = strlen(name);

	for (sample = dlw_samples; sample->file; sample++)
		if (strncmp(sample->file, name, length) == 0 &&
		    (!sample->file[length] || strcmp(sample->file + length, ".py") == 0))
			return sample;
	return NULL;
}
