package stub

// Offsets in the state file: struct sim of c/sim.h, whose assertions hold them. All numbers are little-endian uint64.
const (
	offDevices     = 8
	offVersion     = 16
	offStride      = 24
	offGranularity = 32
	offContext     = 40
	offRules       = 48
	offDriver      = 64
	offDevice      = 128

	deviceSize   = 1528
	devName      = 16
	devPCI       = 80
	devTotal     = 112
	devReserved  = 120
	devOther     = 128
	devFlags     = 136
	devMajor     = 144
	devMinor     = 152
	devUtil      = 160
	devTemp      = 168
	devXid       = 176
	devOrdinal   = 184
	devMIGCount  = 192
	devMIGBytes  = 200
	devCount     = 208
	devProcesses = 216
	processSize  = 64
	devClients   = 1240
	clientSize   = 16

	maxDevices   = 16
	maxProcesses = 16
	maxClients   = 16
	maxRules     = 64
	maxCounters  = 128
	nameSize     = 48
	ruleSize     = 80
	counterSize  = 56
	offRule      = offDevice + maxDevices*deviceSize
	offCounter   = offRule + maxRules*ruleSize
	fileSize     = offCounter + maxCounters*counterSize
)
