package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type manCommand struct{}

// Run writes the manual page, in the man macros of troff.
func (manCommand) Run(ctx context.Context, p *program) error {
	parser, err := p.parser(&commands{}, ctx)
	if err != nil {
		return err
	}
	writeMan(p.out, parser.Model)
	return nil
}

// roff makes text safe for troff, where a backslash, and a point or quote that begins a line, mean something.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

func writeMan(w io.Writer, app *kong.Application) {
	fmt.Fprintf(w, ".TH SENSEVOICE 1 \"\" \"sensevoice %s\" \"User commands\"\n.SH NAME\nsensevoice \\- speech recognition\n", roff(version))
	fmt.Fprintf(w, ".SH SYNOPSIS\n.B sensevoice\n.I command\n.RI [ flags ]\n.SH DESCRIPTION\n%s\n.SH COMMANDS\n", roff(app.Help))
	visit(app.Node, nil, func(node *kong.Node, path []string) {
		if len(path) == 0 || !node.Leaf() {
			return
		}
		fmt.Fprintf(w, ".SS sensevoice %s\n%s\n", roff(strings.Join(path, " ")), roff(node.Help))
		for _, argument := range node.Positional {
			fmt.Fprintf(w, ".TP\n.I %s\n%s\n", roff(argument.Summary()), roff(argument.Help))
		}
		for _, flag := range node.Flags {
			if !flag.Hidden {
				fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roff(flag.String()), roff(helpWithVariables(flag.Value)))
			}
		}
	})
	fmt.Fprint(w, `.SH SETTINGS
A value on the command line beats one in the environment, that one in .env, that one in the YAML file, and the default comes last.
The key of a setting in the YAML file is the name of its flag with underscores.
.B sensevoice config
shows all settings, and where each value comes from.
.SH SIGNALS
.B sensevoice serve
drains at SIGTERM and SIGINT: it is not ready at once, running work finishes, then it ends. At SIGHUP it reads keys, limits, the log
level and the certificate anew.
.SH EXIT STATUS
0 if all went well, 1 after a failure, 2 if the command line or a setting is wrong, 130 after Ctrl-C.
`)
}
