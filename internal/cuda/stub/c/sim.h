// A machine with GPUs that are not there: the state that the stub libcuda and the stub libnvidia-ml share, in a file
// ($SENSEVOICE_STUB) mapped by every process that loads one of them and written by the test. The Go side
// (layout.go) knows these offsets; the assertions below hold them.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;
typedef uint32_t u32;

enum { DEVICES = 16, PROCESSES = 16, CLIENTS = 16, RULES = 64, COUNTERS = 128, NAME = 48 };

// What a device can be told to be.
enum {
	LOST = 1,            // fallen off the bus: NVML says 15, CUDA 999
	INTEGRATED = 2,      // shares the host's memory
	NO_VMM = 4,          // attribute 102 is 0
	MIG_ENABLED = 8,     // cut into mig_count instances of mig_bytes
	WRONG_FREE = 16,     // free memory underflows, as under some shims
	NO_MEMORY_INFO = 32, // NVML does not tell memory
	NO_PIDS = 64,        // NVML lists no processes, as in some containers
	HIDDEN_NAMES = 128,  // names of processes are not found: another namespace
};

// What a rule does to the calls [from, from+count) of its function, counted from 1 over all processes.
enum {
	FAIL = 1,   // return value
	HANG = 2,   // never return
	EXIT = 3,   // end the process with status value
	DELAY = 4,  // take value milliseconds
	TAKE = 5,   // a neighbour takes value bytes of device 0 just before
	STICKY = 6, // return value, and so does every later call of this process
	SKIP = 7,   // of a launch: do nothing, and say that it was done
};
enum { SKIPPED = -7 }; // what enter returns then

struct process { u64 pid, bytes; char name[NAME]; };
struct client { u64 pid, bytes; };

struct device {
	uint8_t uuid[16];
	char name[64], pci[32];
	u64 total, reserved, other, flags, major, minor, utilisation, temperature;
	u64 xid;     // the next event, 0: none
	u64 ordinal; // its place in CUDA's own order
	u64 mig_count, mig_bytes;
	u64 nprocesses;
	struct process processes[PROCESSES]; // neighbours, who hold `other` between them
	struct client clients[CLIENTS];      // processes that allocate through the stub libcuda
	u64 unused[4];
};

struct rule { char function[NAME]; u64 from, count, action, value; };
struct counter { char function[NAME]; u64 calls; };

struct sim {
	u64 lock, devices, driver_version, stride, granularity, context_bytes, nrules, sequence;
	char driver[32];
	u64 unused[4];
	struct device device[DEVICES];
	struct rule rule[RULES];
	struct counter counter[COUNTERS];
};

_Static_assert(sizeof(struct device) == 1528 && offsetof(struct device, total) == 112, "layout.go knows these");
_Static_assert(offsetof(struct device, processes) == 216 && offsetof(struct device, clients) == 1240, "layout.go knows these");
_Static_assert(offsetof(struct sim, device) == 128 && sizeof(struct rule) == 80 && sizeof(struct counter) == 56, "layout.go knows these");

// state maps the file, once, and ends the process if it cannot.
struct sim *state(void);
void sim_lock(void);
void sim_unlock(void);

// enter counts a call of a function and applies the rules to it. It returns the code to return, or 0 to go on.
int enter(const char *function);

// taken returns the bytes of a device that anybody holds; dead clients' memory comes back. Call it locked.
u64 taken(struct device *d);
// hold adds to what this process holds of a device. Call it locked.
void hold(struct device *d, int64_t bytes);
u64 free_bytes(struct device *d);
