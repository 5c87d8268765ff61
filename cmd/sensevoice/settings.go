package main

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"sensevoice/internal/config"
)

// settings are the flags of every command that needs the server's settings.
type settings struct {
	File    string `name:"config" env:"SENSEVOICE_CONFIG" placeholder:"FILE" help:"YAML file of settings."`
	EnvFile string `name:"env-file" env:"SENSEVOICE_ENV_FILE" default:".env" help:"File of environment variables."`

	config.Config

	sources *config.Sources
	origins map[string]string // by the name of the flag: where its value comes from, if not from the command line
}

// BeforeResolve looks for the values of flags that are not on the command line.
func (s *settings) BeforeResolve(ctx *kong.Context, p *program) (err error) {
	path := map[string]string{}
	for _, flag := range ctx.Flags() {
		if flag.Name == "config" || flag.Name == "env-file" {
			path[flag.Name] = fmt.Sprint(ctx.FlagValue(flag))
		}
	}
	if s.sources, err = config.Open(p.getenv, path["env-file"], path["config"], config.Keys()); err != nil {
		return err
	}
	s.origins = map[string]string{}
	ctx.AddResolver(kong.ResolverFunc(s.resolve))
	return nil
}

// resolve finds the value of a flag in the sources. Kong asks for those alone that are not on the command line.
func (s *settings) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	variables := flag.Tag.Get("setting")
	if variables == "" {
		return nil, nil
	}
	value, found := s.sources.Lookup(strings.Split(variables, ","), strings.ReplaceAll(flag.Name, "-", "_"))
	if !found {
		s.origins[flag.Name] = "default"
		return nil, nil
	}
	s.origins[flag.Name] = value.Origin
	trial := reflect.New(flag.Target.Type()).Elem() // so that the message can name the place
	scan := kong.Scan().PushTyped(value.Text, kong.FlagValueToken)
	if err := flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, trial); err != nil {
		return nil, fmt.Errorf("%s: %w", value.Origin, err)
	}
	return value.Text, nil
}

// Validate checks what concerns several settings, or their bounds.
func (s *settings) Validate() error { return s.Config.Validate() }

// notes tells about variables that mean nothing.
func (s *settings) notes() ([]string, error) {
	return config.Notes(s.sources, s.sources.Variables(os.Environ()))
}

// helpWithVariables adds a setting's variable to the help of its flag, as kong does for its own.
func helpWithVariables(value *kong.Value) string {
	if value.Tag != nil {
		if variables := value.Tag.Get("setting"); variables != "" {
			first, _, _ := strings.Cut(variables, ",")
			return strings.TrimSuffix(value.Help, ".") + " ($" + first + ")."
		}
	}
	return kong.DefaultHelpValueFormatter(value)
}

type configCommand struct {
	settings
}

// Run prints every setting, as lines of a YAML file, and where it comes from.
func (c *configCommand) Run(p *program) error {
	lines, err := c.effective()
	if err != nil {
		return err
	}
	width := 0
	for _, key := range slices.Sorted(maps.Keys(lines)) {
		width = max(width, len(lines[key].text))
	}
	for _, key := range config.Keys() {
		fmt.Fprintf(p.out, "%-*s  # %s\n", width, lines[key].text, lines[key].origin)
	}
	notes, err := c.notes()
	for _, note := range notes {
		fmt.Fprintln(p.err, "sensevoice:", note)
	}
	if err != nil {
		return usageError{err}
	}
	return nil
}

// setting is a line of the effective configuration.
type setting struct{ text, origin string }

// effective writes each setting under its key.
func (s *settings) effective() (map[string]setting, error) {
	lines := map[string]setting{}
	values := reflect.ValueOf(s.Config)
	for field := range values.Type().Fields() {
		name := field.Tag.Get("name")
		if name == "" {
			name = strings.ToLower(field.Name)
		}
		origin, found := s.origins[name]
		if !found {
			origin = "--" + name
		}
		text, err := yamlValue(values.FieldByIndex(field.Index).Interface())
		if err != nil {
			return nil, err
		}
		key := strings.ReplaceAll(name, "-", "_")
		lines[key] = setting{key + ": " + text, origin}
	}
	return lines, nil
}
