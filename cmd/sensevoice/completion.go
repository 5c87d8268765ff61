package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run writes a script that completes commands and flags.
func (c *completionCommand) Run(ctx context.Context, p *program) error {
	parser, err := p.parser(&commands{}, ctx)
	if err != nil {
		return err
	}
	switch c.Shell {
	case "fish":
		writeFish(p.out, parser.Model)
	case "zsh":
		fmt.Fprint(p.out, "#compdef sensevoice\nautoload -U +X bashcompinit && bashcompinit\n")
		writeBash(p.out, parser.Model)
	default:
		writeBash(p.out, parser.Model)
	}
	return nil
}

// visit calls f for each command with the words that lead to it, the program itself first with none.
func visit(node *kong.Node, path []string, f func(node *kong.Node, path []string)) {
	f(node, path)
	for _, child := range node.Children {
		if child.Type == kong.CommandNode && !child.Hidden {
			visit(child, append(path[:len(path):len(path)], child.Name), f)
		}
	}
}

// flagsOf returns the flags that a command takes, those of the program itself last.
func flagsOf(node *kong.Node) []*kong.Flag {
	var flags []*kong.Flag
	for _, group := range node.AllFlags(true) {
		flags = append(group[:len(group):len(group)], flags...)
	}
	return flags
}

func writeBash(w io.Writer, app *kong.Application) {
	fmt.Fprint(w, `# bash completion of sensevoice: source <(sensevoice completion bash)
_sensevoice() {
	local word="${COMP_WORDS[COMP_CWORD]}" path="" w choices
	for w in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case "$path $w" in
`)
	var known []string
	visit(app.Node, nil, func(_ *kong.Node, path []string) {
		if len(path) > 0 {
			known = append(known, `"`+" "+strings.Join(path, " ")+`"`)
		}
	})
	fmt.Fprintf(w, "\t\t%s) path=\"$path $w\" ;;\n\t\tesac\n\tdone\n\tcase \"$path\" in\n", strings.Join(known, "|"))
	visit(app.Node, nil, func(node *kong.Node, path []string) {
		var choices []string
		for _, child := range node.Children {
			if child.Type == kong.CommandNode && !child.Hidden {
				choices = append(choices, child.Name)
			}
		}
		for _, flag := range flagsOf(node) {
			choices = append(choices, "--"+flag.Name)
		}
		name := ""
		if len(path) > 0 {
			name = " " + strings.Join(path, " ")
		}
		fmt.Fprintf(w, "\t\"%s\") choices=\"%s\" ;;\n", name, strings.Join(choices, " "))
	})
	fmt.Fprint(w, "\tesac\n\tCOMPREPLY=($(compgen -W \"$choices\" -- \"$word\"))\n}\ncomplete -o default -F _sensevoice sensevoice\n")
}

func writeFish(w io.Writer, app *kong.Application) {
	fmt.Fprintln(w, "# fish completion of sensevoice: sensevoice completion fish > ~/.config/fish/completions/sensevoice.fish")
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'" }
	visit(app.Node, nil, func(node *kong.Node, path []string) {
		when := "__fish_use_subcommand"
		for i, name := range path {
			if i == 0 {
				when = "__fish_seen_subcommand_from " + name
			} else {
				when += "; and __fish_seen_subcommand_from " + name
			}
		}
		for _, child := range node.Children {
			if child.Type == kong.CommandNode && !child.Hidden {
				fmt.Fprintf(w, "complete -c sensevoice -n %s -a %s -d %s\n", quote(when), child.Name, quote(child.Help))
			}
		}
		if len(path) == 0 {
			return
		}
		for _, flag := range flagsOf(node) {
			value := " -r"
			if flag.IsBool() {
				value = ""
			}
			fmt.Fprintf(w, "complete -c sensevoice -n %s -l %s%s -d %s\n", quote(when), flag.Name, value, quote(flag.Help))
		}
	})
}
