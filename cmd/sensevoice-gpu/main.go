//go:build linux && (amd64 || arm64)

// Command sensevoice-gpu is the part of sensevoice that links the GPU's libraries. The server starts it: to look at
// the machine's GPUs, and as the worker that computes on one. It needs glibc; sensevoice itself does not.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"sensevoice/internal/cuda/smoke"
	"sensevoice/internal/gpu"
	"sensevoice/internal/gpu/survey"
)

const usage = `Usage: sensevoice-gpu look     print what GPUs there are, as JSON
       sensevoice-gpu watch    the same, again for every line of standard input, until it ends
       sensevoice-gpu smoke    try the first visible GPU: memory, and kernels against double precision
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, in io.Reader, out, errOut io.Writer) int {
	if len(args) != 1 {
		fmt.Fprint(errOut, usage)
		return 2
	}
	options := survey.Options{NVML: os.Getenv("SENSEVOICE_NVML"), CUDA: os.Getenv("SENSEVOICE_LIBCUDA")}
	if args[0] == "smoke" {
		return try(options, out, errOut)
	}
	// CUDA is to list all devices; the server applies CUDA_VISIBLE_DEVICES itself, and says what it hides. The order stays.
	os.Unsetenv("CUDA_VISIBLE_DEVICES")
	var err error
	switch args[0] {
	case "look":
		err = json.NewEncoder(out).Encode(survey.Open(options).Look()) // no Close: it may hang, and the process ends
	case "watch":
		err = survey.Serve(options, in, out)
	default:
		fmt.Fprint(errOut, usage)
		return 2
	}
	if err != nil {
		fmt.Fprintln(errOut, "sensevoice-gpu:", err)
		return 1
	}
	return 0
}

// try runs the smoke test on the first visible GPU, after a look at what NVML says of all.
func try(o survey.Options, out, errOut io.Writer) int {
	surveyor := survey.Open(o)
	seen := surveyor.Look()
	surveyor.Close()
	free := map[string]uint64{}
	for _, d := range seen.Devices {
		free[d.UUID] = d.Free
		fmt.Fprintf(out, "NVML    %s %s, sm %s, %s free of %s, %d processes\n", d.Name, d.UUID, d.Compute, gpu.GB(d.Free), gpu.GB(d.Total), len(d.Processes))
	}
	for _, p := range seen.Problems {
		fmt.Fprintf(out, "problem %v\n", p)
	}
	if err := smoke.Run(out, smoke.Options{CUDA: o.CUDA, Free: free}); err != nil {
		fmt.Fprintln(errOut, "sensevoice-gpu:", err)
		return 1
	}
	return 0
}
