package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"sensevoice/internal/kernel"
)

// version is set by release builds (-ldflags "-X main.version=1.2.3").
var version = "0.1.0-dev"

type versionCommand struct{}

// Run prints the version, what it was built from, and what it will compute with here.
func (versionCommand) Run(p *program) error {
	fmt.Fprintf(p.out, "sensevoice %s%s\n%s %s/%s, instruction sets here: %v\n",
		version, revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH, kernel.Available())
	return nil
}

// revision returns the commit that the binary was built from, where the build knows it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	text := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			text = " (" + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true" && text != "":
			text += ", modified"
		}
	}
	if text != "" {
		text += ")"
	}
	return text
}
