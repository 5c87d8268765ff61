#define _GNU_SOURCE
#include "sim.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct sim *S;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int sticky; // the code that ended this process's work, 0 while it is well

static void map_state(void) {
	const char *path = getenv("SENSEVOICE_STUB");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	S = fd < 0 ? MAP_FAILED : mmap(0, sizeof *S, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (S == MAP_FAILED) {
		fprintf(stderr, "stub: cannot map SENSEVOICE_STUB=%s: %s\n", path ? path : "", strerror(errno));
		_exit(99);
	}
	close(fd);
}

struct sim *state(void) {
	pthread_once(&once, map_state);
	return S;
}

static int alive(u64 pid) { return !kill((pid_t)pid, 0) || errno == EPERM; }

// The lock holds its owner's pid, so that one killed inside does not stop the others.
void sim_lock(void) {
	struct sim *s = state();
	static __thread int spins;
	for (;;) {
		u64 none = 0;
		if (__atomic_compare_exchange_n(&s->lock, &none, (u64)getpid(), 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
		if (++spins % 1000 == 0 && !alive(none) &&
		    __atomic_compare_exchange_n(&s->lock, &none, (u64)getpid(), 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
		sched_yield();
	}
}

void sim_unlock(void) { __atomic_store_n(&state()->lock, 0, __ATOMIC_RELEASE); }

static u64 count(struct sim *s, const char *function) {
	for (int i = 0; i < COUNTERS; i++) {
		struct counter *c = &s->counter[i];
		if (!c->function[0]) strncpy(c->function, function, NAME - 1);
		if (!strncmp(c->function, function, NAME - 1)) return ++c->calls;
	}
	return 0;
}

static int apply(struct rule *r) {
	switch (r->action) {
	case FAIL: return (int)r->value;
	case HANG: for (;;) pause();
	case EXIT: _exit((int)r->value);
	case DELAY: usleep((useconds_t)r->value * 1000); return 0;
	case TAKE: state()->device[0].other += r->value; return 0;
	case SKIP: return SKIPPED;
	case STICKY: return sticky = (int)r->value;
	}
	return 0;
}

int enter(const char *function) {
	struct sim *s = state();
	if (sticky) return sticky;
	struct rule hit[RULES];
	int hits = 0;
	sim_lock();
	u64 call = count(s, function);
	for (u64 i = 0; i < s->nrules && i < RULES; i++) {
		struct rule *r = &s->rule[i];
		if (!strncmp(r->function, function, NAME - 1) && call >= r->from && call - r->from < r->count) hit[hits++] = *r;
	}
	sim_unlock();
	for (int i = 0; i < hits; i++) {
		int code = apply(&hit[i]);
		if (code) return code;
	}
	return 0;
}

u64 taken(struct device *d) {
	u64 sum = d->other + d->reserved;
	for (int i = 0; i < CLIENTS; i++) {
		struct client *c = &d->clients[i];
		if (c->pid && !alive(c->pid)) *c = (struct client){0};
		sum += c->bytes;
	}
	return sum;
}

void hold(struct device *d, int64_t bytes) {
	struct client *mine = 0;
	for (int i = 0; i < CLIENTS && !mine; i++)
		if (d->clients[i].pid == (u64)getpid()) mine = &d->clients[i];
	for (int i = 0; i < CLIENTS && !mine; i++)
		if (!d->clients[i].pid) mine = &d->clients[i];
	if (!mine) abort();
	mine->pid = (u64)getpid();
	mine->bytes += (u64)bytes;
	if (!mine->bytes) *mine = (struct client){0};
}

u64 free_bytes(struct device *d) {
	u64 t = taken(d);
	return t >= d->total ? 0 : d->total - t;
}
