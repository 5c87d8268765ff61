// Stub libcuda.so.1: memory. Reservations are inaccessible mappings of the host and physical memory is a memfd, so a device address
// is a host address, and touching what is not mapped ends the process as a real fault would.
#define _GNU_SOURCE
#include "cuda.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MANY = 4096 };
struct properties { int type, handles, location, id; void *win32; unsigned char rest[8]; };
struct physical { u64 size; int fd, references; int released; struct device *device; };
struct mapping { u64 address, size, handle; };
struct range { u64 address, size; };

static struct physical physicals[MANY]; // handle - 1; size 0: free
static struct mapping mappings[MANY];
static struct range reservations[64];
static struct { u64 address, size; struct device *device; } blocks[MANY]; // of cuMemAlloc
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
#define LOCKED __attribute__((cleanup(unlock))) int locked_ = pthread_mutex_lock(&mutex); (void)locked_
static void unlock(int *x) { (void)x; pthread_mutex_unlock(&mutex); }

static int claim(struct device *d, u64 bytes) {
	sim_lock();
	int fits = bytes <= free_bytes(d);
	if (fits) hold(d, (int64_t)bytes);
	sim_unlock();
	return fits;
}

static void give_back(struct device *d, u64 bytes) { sim_lock(); hold(d, -(int64_t)bytes); sim_unlock(); }

static void *inaccessible(void *at, u64 size) {
	return mmap(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED : 0), -1, 0);
}

int cuMemGetInfo_v2(u64 *free, u64 *total) {
	IN_CONTEXT();
	sim_lock();
	*free = free_bytes(c->device);
	sim_unlock();
	if (c->device->flags & WRONG_FREE) *free = (u64)-4096;
	*total = c->device->total;
	return 0;
}

static int wrong(const struct properties *p) { return p->type != 1 || p->location != 1 || p->handles || !device_of(p->id); }

int cuMemGetAllocationGranularity(u64 *g, const struct properties *p, int option) {
	READY();
	if (wrong(p) || option) return BAD_VALUE;
	*g = state()->granularity;
	return 0;
}

int cuMemAddressReserve(u64 *out, u64 size, u64 align, u64 address, u64 flags) {
	READY();
	u64 g = state()->granularity;
	if (flags || address || align || !size || size % g) return BAD_VALUE;
	LOCKED;
	int i = 0;
	while (i < 64 && reservations[i].size) i++;
	char *at = i < 64 ? inaccessible(0, size + g) : MAP_FAILED;
	if (at == MAP_FAILED) return OUT_OF_MEMORY;
	u64 aligned = ((u64)at + g - 1) / g * g;
	if (aligned > (u64)at) munmap(at, aligned - (u64)at);
	if (aligned < (u64)at + g) munmap((void *)(aligned + size), (u64)at + g - aligned);
	reservations[i] = (struct range){aligned, size};
	*out = aligned;
	return 0;
}

int cuMemAddressFree(u64 address, u64 size) {
	READY();
	LOCKED;
	for (int i = 0; i < MANY; i++)
		if (mappings[i].size && mappings[i].address >= address && mappings[i].address < address + size) return BAD_VALUE;
	for (int i = 0; i < 64; i++)
		if (reservations[i].address == address && reservations[i].size == size) {
			munmap((void *)address, size);
			reservations[i] = (struct range){0};
			return 0;
		}
	return BAD_VALUE;
}

int cuMemCreate(u64 *handle, u64 size, const struct properties *p, u64 flags) {
	IN_CONTEXT();
	if (flags || !size || size % state()->granularity || wrong(p)) return BAD_VALUE;
	struct device *d = device_of(p->id);
	if (d->flags & NO_VMM) return UNSUPPORTED;
	LOCKED;
	int i = 0;
	while (i < MANY && physicals[i].size) i++;
	if (i == MANY || !claim(d, size)) return OUT_OF_MEMORY;
	int fd = memfd_create("stub", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size)) abort();
	physicals[i] = (struct physical){size, fd, 1, 0, d};
	*handle = (u64)i + 1;
	return 0;
}

static void drop(struct physical *p) {
	if (--p->references) return;
	close(p->fd);
	give_back(p->device, p->size);
	*p = (struct physical){0};
}

static struct physical *physical_of(u64 handle) { return handle && handle <= MANY && physicals[handle - 1].size ? &physicals[handle - 1] : 0; }

int cuMemRelease(u64 handle) {
	READY();
	LOCKED;
	struct physical *p = physical_of(handle);
	if (!p || p->released) return BAD_VALUE;
	p->released = 1;
	drop(p);
	return 0;
}

static int reserved(u64 address, u64 size) {
	for (int i = 0; i < 64; i++)
		if (reservations[i].size && address >= reservations[i].address && address + size <= reservations[i].address + reservations[i].size) return 1;
	return 0;
}

int cuMemMap(u64 address, u64 size, u64 offset, u64 handle, u64 flags) {
	IN_CONTEXT();
	LOCKED;
	struct physical *p = physical_of(handle);
	if (flags || offset || !p || size != p->size || address % state()->granularity || !reserved(address, size)) return BAD_VALUE;
	int empty = -1;
	for (int i = MANY - 1; i >= 0; i--) {
		struct mapping *m = &mappings[i];
		if (!m->size) empty = i;
		else if (address < m->address + m->size && m->address < address + size) return BAD_VALUE;
	}
	if (empty < 0) return OUT_OF_MEMORY;
	p->references++;
	mappings[empty] = (struct mapping){address, size, handle};
	return 0;
}

static struct mapping *mapping_at(u64 address) {
	for (int i = 0; i < MANY; i++)
		if (mappings[i].size && mappings[i].address == address) return &mappings[i];
	return 0;
}

int cuMemSetAccess(u64 address, u64 size, const int *access, u64 count) {
	IN_CONTEXT();
	LOCKED;
	if (count != 1 || access[0] != 1 || access[2] != 3) return BAD_VALUE;
	u64 at = address;
	for (struct mapping *m; at < address + size; at += m->size) {
		m = mapping_at(at);
		if (!m) return BAD_VALUE;
		int fd = physical_of(m->handle)->fd;
		if (mmap((void *)at, m->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) return UNKNOWN;
	}
	return at == address + size ? 0 : BAD_VALUE;
}

int cuMemUnmap(u64 address, u64 size) {
	IN_CONTEXT();
	LOCKED;
	u64 at = address;
	for (struct mapping *m; at < address + size; at += m->size) // whole mappings only
		if (!(m = mapping_at(at)) || at + m->size > address + size) return BAD_VALUE;
	for (at = address; at < address + size;) {
		struct mapping *m = mapping_at(at);
		inaccessible((void *)at, m->size);
		at += m->size;
		drop(physical_of(m->handle));
		*m = (struct mapping){0};
	}
	return 0;
}

int cuMemAlloc_v2(u64 *out, u64 size) {
	IN_CONTEXT();
	LOCKED;
	int i = 0;
	while (i < MANY && blocks[i].size) i++;
	if (!size) return BAD_VALUE;
	if (i == MANY || !claim(c->device, size)) return OUT_OF_MEMORY;
	void *at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED) abort();
	blocks[i].address = *out = (u64)at, blocks[i].size = size, blocks[i].device = c->device;
	return 0;
}

int cuMemFree_v2(u64 address) {
	IN_CONTEXT();
	LOCKED;
	for (int i = 0; i < MANY; i++)
		if (blocks[i].size && blocks[i].address == address) {
			munmap((void *)address, blocks[i].size);
			give_back(blocks[i].device, blocks[i].size);
			blocks[i].size = 0;
			return 0;
		}
	return BAD_VALUE;
}

int cuMemHostAlloc(void **p, u64 size, u32 flags) { IN_CONTEXT(); (void)flags; *p = calloc(1, size); return *p ? 0 : OUT_OF_MEMORY; }
int cuMemFreeHost(void *p) { IN_CONTEXT(); free(p); return 0; }
int cuMemcpyHtoDAsync_v2(u64 d, const void *s, u64 n, void *stream) { IN_CONTEXT(); (void)stream; memcpy((void *)d, s, n); return 0; }
int cuMemcpyDtoHAsync_v2(void *d, u64 s, u64 n, void *stream) { IN_CONTEXT(); (void)stream; memcpy(d, (void *)s, n); return 0; }
int cuMemcpyDtoDAsync_v2(u64 d, u64 s, u64 n, void *stream) { IN_CONTEXT(); (void)stream; memmove((void *)d, (void *)s, n); return 0; }
int cuMemsetD8Async(u64 d, unsigned char v, u64 n, void *stream) { IN_CONTEXT(); (void)stream; memset((void *)d, v, n); return 0; }
