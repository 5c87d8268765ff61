//go:build purego || !amd64

package kernel

const assembly = false

func avx2() *Set { panic("kernel: no assembly in this build") }

func avx512() *Set { panic("kernel: no assembly in this build") }
