#pragma once
#include "sim.h"

enum {
	BAD_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALISED = 3, NO_DEVICE = 100, BAD_DEVICE = 101,
	INVALID_IMAGE = 200, NO_CONTEXT = 201, NOT_FOUND = 500, UNSUPPORTED = 801, UNKNOWN = 999,
};

struct context { struct device *device; int ordinal, references; };

struct device *device_of(int ordinal);
int ready(const char *function);
int host_kernel(const char *name, const u32 *grid, void *parameters);
int in_context(const char *function, struct context **c);

#define READY() do { int e_ = ready(__func__); if (e_) return e_; } while (0)
#define KNOWN(i) struct device *d = device_of(i); do { if (!d) return BAD_DEVICE; } while (0)
#define IN_CONTEXT() struct context *c; do { int e_ = in_context(__func__, &c); if (e_) return e_; } while (0)
