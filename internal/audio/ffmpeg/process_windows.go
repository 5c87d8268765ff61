package ffmpeg

import "os/exec"

// ownGroup leaves the program to the context, which kills it; it starts no others.
func ownGroup(*exec.Cmd) {}
