// Stub libcuda.so.1: devices, contexts, streams, events, modules and launches. Memory is in memory.c.
#define _GNU_SOURCE
#include "cuda.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int initialised, visible[DEVICES], nvisible;
static __thread void *current;
struct context contexts[DEVICES];

static int in_order(const void *a, const void *b) {
	u64 x = state()->device[*(const int *)a].ordinal, y = state()->device[*(const int *)b].ordinal;
	return x < y ? -1 : x > y;
}

static void uuid_text(struct device *d, char *out) {
	char *at = out + sprintf(out, "GPU-");
	for (int i = 0; i < 16; i++) at += sprintf(at, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", d->uuid[i]);
}

// choose_visible reads CUDA_VISIBLE_DEVICES as CUDA does: an entry that is no device ends the list.
static void choose_visible(void) {
	int all[DEVICES], n = (int)state()->devices;
	for (int i = 0; i < n; i++) all[i] = i;
	const char *order = getenv("CUDA_DEVICE_ORDER"), *list = getenv("CUDA_VISIBLE_DEVICES");
	if (!order || strcmp(order, "PCI_BUS_ID")) qsort(all, (size_t)n, sizeof all[0], in_order);
	nvisible = 0;
	if (!list) {
		memcpy(visible, all, sizeof visible);
		nvisible = n;
		return;
	}
	for (const char *p = list; *p && nvisible < DEVICES;) {
		size_t length = strcspn(p, ",");
		int found = -1;
		for (int i = 0; i < n; i++) {
			char uuid[64], index[8];
			uuid_text(&state()->device[all[i]], uuid);
			snprintf(index, sizeof index, "%d", i);
			if ((length > 4 && !strncmp(uuid, p, length)) || (strlen(index) == length && !strncmp(index, p, length))) found = all[i];
		}
		if (found < 0) return;
		visible[nvisible++] = found;
		p += length + (p[length] == ',');
	}
}

struct device *device_of(int ordinal) { return ordinal >= 0 && ordinal < nvisible ? &state()->device[visible[ordinal]] : 0; }

int ready(const char *function) {
	int e = enter(function);
	return e ? e : initialised ? 0 : NOT_INITIALISED;
}

int in_context(const char *function, struct context **c) {
	int e = ready(function);
	if (e) return e;
	*c = current;
	return !current ? NO_CONTEXT : (*c)->device->flags & LOST ? UNKNOWN : 0;
}

int cuInit(u32 flags) {
	int e = enter(__func__);
	if (e) return e;
	if (flags) return BAD_VALUE;
	choose_visible();
	initialised = 1;
	return nvisible ? 0 : NO_DEVICE;
}

int cuDriverGetVersion(int *v) { int e = enter(__func__); *v = (int)state()->driver_version; return e; }
int cuGetErrorName(int e, const char **s) { static char text[32]; sprintf(text, "CUDA_ERROR_%d", e); *s = text; return 0; }
int cuGetErrorString(int e, const char **s) { static char text[32]; sprintf(text, "stub error %d", e); *s = text; return 0; }

int cuDeviceGetCount(int *n) { READY(); *n = nvisible; return 0; }
int cuDeviceGet(int *d, int i) { READY(); *d = i; return device_of(i) ? 0 : BAD_DEVICE; }
int cuDeviceGetName(char *b, int n, int i) { READY(); KNOWN(i); snprintf(b, (size_t)n, "%s", d->name); return 0; }
int cuDeviceGetUuid_v2(void *b, int i) { READY(); KNOWN(i); memcpy(b, d->uuid, 16); return 0; }
int cuDeviceTotalMem_v2(u64 *b, int i) { READY(); KNOWN(i); *b = d->total; return 0; }
int cuDeviceGetPCIBusId(char *b, int n, int i) { READY(); KNOWN(i); snprintf(b, (size_t)n, "%s", d->pci); return 0; }

int cuDeviceGetAttribute(int *v, int attribute, int i) {
	READY();
	KNOWN(i);
	switch (attribute) {
	case 16: *v = 108; break;
	case 18: *v = !!(d->flags & INTEGRATED); break;
	case 75: *v = (int)d->major; break;
	case 76: *v = (int)d->minor; break;
	case 102: *v = !(d->flags & NO_VMM); break;
	default: *v = 0;
	}
	return 0;
}

int cuDevicePrimaryCtxSetFlags_v2(int i, u32 flags) { READY(); KNOWN(i); (void)flags; return 0; }

int cuDevicePrimaryCtxRetain(void **out, int i) {
	READY();
	KNOWN(i);
	struct context *c = &contexts[visible[i]];
	sim_lock();
	int fits = c->references || state()->context_bytes <= free_bytes(d);
	if (fits && !c->references++) hold(d, (int64_t)state()->context_bytes);
	sim_unlock();
	c->device = d;
	c->ordinal = i;
	*out = c;
	return fits ? 0 : OUT_OF_MEMORY;
}

int cuDevicePrimaryCtxRelease_v2(int i) {
	READY();
	KNOWN(i);
	struct context *c = &contexts[visible[i]];
	if (!c->references) return BAD_VALUE;
	sim_lock();
	if (!--c->references) hold(d, -(int64_t)state()->context_bytes);
	sim_unlock();
	return 0;
}

int cuCtxSetCurrent(void *c) { READY(); current = c; return 0; }
int cuCtxSynchronize(void) { IN_CONTEXT(); return 0; }

// Work is done when it is asked for, so streams and events have nothing to wait for.
int cuStreamCreate(void **s, u32 flags) { IN_CONTEXT(); (void)flags; *s = malloc(1); return 0; }
int cuStreamDestroy_v2(void *s) { IN_CONTEXT(); free(s); return 0; }
int cuStreamSynchronize(void *s) { IN_CONTEXT(); (void)s; return 0; }
int cuEventCreate(void **e, u32 flags) { IN_CONTEXT(); (void)flags; *e = malloc(1); return 0; }
int cuEventDestroy_v2(void *e) { IN_CONTEXT(); free(e); return 0; }
int cuEventRecord(void *e, void *s) { IN_CONTEXT(); (void)e, (void)s; return 0; }
int cuEventSynchronize(void *e) { IN_CONTEXT(); (void)e; return 0; }
int cuEventElapsedTime(float *ms, void *a, void *b) { IN_CONTEXT(); (void)a, (void)b; *ms = 0.25f; return 0; }

int cuModuleLoadDataEx(void **module, const void *image, u32 n, int *options, void **values) {
	IN_CONTEXT();
	(void)n, (void)options, (void)values;
	if (!strstr(image, ".version")) return INVALID_IMAGE;
	*module = strdup(image);
	return 0;
}

int cuModuleUnload(void *module) { IN_CONTEXT(); free(module); return 0; }

// A function is its name, which must be an entry of the image.
int cuModuleGetFunction(void **f, void *module, const char *name) {
	IN_CONTEXT();
	char entry[128];
	snprintf(entry, sizeof entry, ".entry %s(", name);
	if (!strstr(module, entry)) return NOT_FOUND;
	*f = strdup(name);
	return 0;
}

int cuFuncGetAttribute(int *v, int attribute, void *f) { IN_CONTEXT(); (void)f; *v = attribute == 4 ? 32 : 0; return 0; }
int cuFuncSetAttribute(void *f, int attribute, int v) { IN_CONTEXT(); (void)f, (void)attribute, (void)v; return 0; }

int cuLaunchKernel(void *f, u32 gx, u32 gy, u32 gz, u32 bx, u32 by, u32 bz, u32 shared, void *stream, void **params, void **extra) {
	int code = in_context(__func__, &(struct context *){0});
	if (code) return code == SKIPPED ? 0 : code;
	(void)shared, (void)stream;
	if (!gx || !gy || !gz || !bx || !by || !bz || bx * by * bz > 1024 || params || !extra || (u64)extra[0] != 1 || (u64)extra[2] != 2) return BAD_VALUE;
	return host_kernel(f, (u32[]){gx, gy, gz}, extra[1]);
}
