// Stub libnvidia-ml.so.1.
#include "sim.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OK, UNINITIALISED, BAD_ARGUMENT, NOT_SUPPORTED, NOT_FOUND = 6, TOO_SMALL, TIMEOUT = 10, IS_LOST = 15, BAD_VERSION = 25 };
#define ENTER() do { int e_ = enter(__func__); if (e_) return e_; } while (0)

// A handle is 1 + device, and for an instance of MIG that plus 256 × (1 + instance).
typedef u64 handle;
static handle whole(u64 i) { return 1 + i; }
static int instance(handle h) { return (int)(h >> 8) - 1; }
static struct device *of(handle h) {
	u64 i = (h & 255) - 1;
	return h && i < state()->devices ? &state()->device[i] : 0;
}
#define DEVICE(h) struct device *d = of(h); do { if (!d) return BAD_ARGUMENT; if (d->flags & LOST) return IS_LOST; } while (0)

int nvmlInit_v2(void) { ENTER(); return OK; }
int nvmlShutdown(void) { ENTER(); return OK; }
const char *nvmlErrorString(int e) {
	static char text[32];
	snprintf(text, sizeof text, "stub error %d", e);
	return text;
}

int nvmlSystemGetDriverVersion(char *b, u32 n) { ENTER(); snprintf(b, n, "%s", state()->driver); return OK; }
int nvmlSystemGetNVMLVersion(char *b, u32 n) { ENTER(); snprintf(b, n, "12.%s", state()->driver); return OK; }
int nvmlSystemGetCudaDriverVersion_v2(int *v) { ENTER(); *v = (int)state()->driver_version; return OK; }

int nvmlDeviceGetCount_v2(u32 *n) { ENTER(); *n = (u32)state()->devices; return OK; }
int nvmlDeviceGetHandleByIndex_v2(u32 i, handle *h) {
	ENTER();
	if (i >= state()->devices) return BAD_ARGUMENT;
	*h = whole(i);
	return state()->device[i].flags & LOST ? IS_LOST : OK;
}

int nvmlDeviceGetUUID(handle h, char *b, u32 n) {
	ENTER();
	DEVICE(h);
	uint8_t u[16];
	memcpy(u, d->uuid, 16);
	if (instance(h) >= 0) u[15] ^= (uint8_t)(instance(h) + 1);
	snprintf(b, n, "%s-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", instance(h) >= 0 ? "MIG" : "GPU", u[0], u[1], u[2], u[3],
		u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	return OK;
}

int nvmlDeviceGetName(handle h, char *b, u32 n) {
	ENTER();
	DEVICE(h);
	snprintf(b, n, instance(h) >= 0 ? "%s MIG" : "%s", d->name);
	return OK;
}

struct pci { char legacy[16]; u32 domain, bus, device, id, subsystem; char busid[32]; };
int nvmlDeviceGetPciInfo_v3(handle h, struct pci *p) {
	ENTER();
	DEVICE(h);
	memset(p, 0, sizeof *p);
	snprintf(p->busid, sizeof p->busid, "%.31s", d->pci);
	return OK;
}

struct memory_v2 { u32 version; u64 total, reserved, free, used; };
static void memory_of(handle h, struct device *d, struct memory_v2 *m) {
	sim_lock();
	u64 free = free_bytes(d), used = taken(d) - d->reserved;
	sim_unlock();
	*m = (struct memory_v2){m->version, d->total, d->reserved, free, used};
	if (instance(h) >= 0) *m = (struct memory_v2){m->version, d->mig_bytes, 0, d->mig_bytes, 0};
	if (d->flags & WRONG_FREE) m->free = (u64)-4096;
}

int nvmlDeviceGetMemoryInfo_v2(handle h, struct memory_v2 *m) {
	ENTER();
	DEVICE(h);
	if (m->version != 0x02000028) return BAD_VERSION;
	if (d->flags & NO_MEMORY_INFO) return NOT_SUPPORTED;
	memory_of(h, d, m);
	return OK;
}

int nvmlDeviceGetMemoryInfo(handle h, u64 *totalFreeUsed) {
	ENTER();
	DEVICE(h);
	if (d->flags & NO_MEMORY_INFO) return NOT_SUPPORTED;
	struct memory_v2 m = {0};
	memory_of(h, d, &m);
	totalFreeUsed[0] = m.total, totalFreeUsed[1] = m.free, totalFreeUsed[2] = m.used + m.reserved;
	return OK;
}

// put writes one entry of whichever size this driver has: pid at 0, memory at 8.
static void put(void *infos, u64 stride, u32 i, u64 pid, u64 bytes) {
	char *at = (char *)infos + i * stride;
	memset(at, 0, stride);
	memcpy(at, &(u32){(u32)pid}, 4);
	memcpy(at + 8, &bytes, 8);
	if (stride >= 24) memset(at + 16, 0xff, 8); // no instance
}

int nvmlDeviceGetComputeRunningProcesses_v3(handle h, u32 *count, void *infos) {
	ENTER();
	DEVICE(h);
	struct sim *s = state();
	u32 n = 0, room = *count;
	sim_lock();
	taken(d); // forget dead clients
	for (int pass = 0; pass < 2 && !(d->flags & NO_PIDS); pass++) {
		if (pass == 1 && n > room) break;
		n = 0;
		for (u64 i = 0; i < d->nprocesses && i < PROCESSES; i++, n++)
			if (pass) put(infos, s->stride, n, d->processes[i].pid, d->processes[i].bytes);
		for (int i = 0; i < CLIENTS; i++)
			if (d->clients[i].pid) {
				if (pass) put(infos, s->stride, n, d->clients[i].pid, d->clients[i].bytes);
				n++;
			}
		if (!room) break;
	}
	sim_unlock();
	*count = n;
	return n > room ? TOO_SMALL : OK;
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(handle h, u32 *count, void *infos) {
	ENTER();
	DEVICE(h);
	(void)infos;
	*count = 0;
	return OK;
}

int nvmlSystemGetProcessName(u32 pid, char *b, u32 n) {
	ENTER();
	struct sim *s = state();
	for (u64 k = 0; k < s->devices; k++)
		for (u64 i = 0; i < s->device[k].nprocesses && i < PROCESSES; i++) {
			struct process *p = &s->device[k].processes[i];
			if (p->pid != pid || s->device[k].flags & HIDDEN_NAMES) continue;
			snprintf(b, n, "%s", p->name);
			return OK;
		}
	return NOT_FOUND;
}

int nvmlDeviceGetUtilizationRates(handle h, u32 *u) {
	ENTER();
	DEVICE(h);
	if (instance(h) >= 0) return NOT_SUPPORTED;
	u[0] = (u32)d->utilisation, u[1] = (u32)d->utilisation / 2;
	return OK;
}

int nvmlDeviceGetTemperature(handle h, int sensor, u32 *t) {
	ENTER();
	DEVICE(h);
	if (sensor) return BAD_ARGUMENT;
	*t = (u32)d->temperature;
	return OK;
}

int nvmlDeviceGetCudaComputeCapability(handle h, int *major, int *minor) {
	ENTER();
	DEVICE(h);
	*major = (int)d->major, *minor = (int)d->minor;
	return OK;
}

int nvmlDeviceGetMigMode(handle h, u32 *current, u32 *pending) {
	ENTER();
	DEVICE(h);
	*current = *pending = !!(d->flags & MIG_ENABLED);
	return OK;
}

int nvmlDeviceGetMaxMigDeviceCount(handle h, u32 *n) { ENTER(); DEVICE(h); *n = 7; return OK; }

int nvmlDeviceGetMigDeviceHandleByIndex(handle h, u32 i, handle *mig) {
	ENTER();
	DEVICE(h);
	if (i >= d->mig_count) return NOT_FOUND;
	*mig = h | (u64)(i + 1) << 8;
	return OK;
}

// One event set serves the stub: events are in the devices.
int nvmlEventSetCreate(u64 *set) { ENTER(); *set = 1; return OK; }
int nvmlEventSetFree(u64 set) { ENTER(); return set == 1 ? OK : BAD_ARGUMENT; }
int nvmlDeviceGetSupportedEventTypes(handle h, u64 *types) { ENTER(); DEVICE(h); *types = 8; return OK; }
int nvmlDeviceRegisterEvents(handle h, u64 types, u64 set) {
	ENTER();
	DEVICE(h);
	return set != 1 ? BAD_ARGUMENT : types & ~8ull ? NOT_SUPPORTED : OK;
}

struct event { handle device; u64 type, data; u32 gi, ci; };
int nvmlEventSetWait_v2(u64 set, struct event *e, u32 ms) {
	ENTER();
	struct sim *s = state();
	for (u32 waited = 0; set == 1; waited += 5) {
		for (u64 i = 0; i < s->devices; i++) {
			u64 xid = __atomic_exchange_n(&s->device[i].xid, 0, __ATOMIC_SEQ_CST);
			if (!xid) continue;
			*e = (struct event){whole(i), 8, xid, ~0u, ~0u};
			return OK;
		}
		if (waited >= ms) return TIMEOUT;
		usleep(5000);
	}
	return BAD_ARGUMENT;
}
