package kernel

//go:generate _asm/generate.sh
