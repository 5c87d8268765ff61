package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"

	"sensevoice/internal/spelling"
)

// parseYAML reads one mapping of keys to plain values or lists of them. Anything else is an error with its line.
func parseYAML(path string, data []byte, keys []string) (map[string]Value, error) {
	var document, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	values := map[string]Value{}
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return values, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	case decoder.Decode(&second) == nil:
		return nil, fmt.Errorf("%s:%d: a second document begins; want one", path, second.Line)
	}
	if len(document.Content) == 0 {
		return values, nil
	}
	root := document.Content[0]
	fault := func(n *yaml.Node, err error) error { return fmt.Errorf("%s:%d: %w", path, n.Line, err) }
	if root.Kind != yaml.MappingNode {
		return nil, fault(root, errors.New("want lines \"key: value\""))
	}
	known := map[string]bool{}
	for _, k := range keys {
		known[k] = true
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		name := key.Value
		if !known[name] {
			return nil, fault(key, fmt.Errorf("no setting %q%s", name, spelling.Hint(name, keys)))
		}
		if before, twice := values[name]; twice {
			return nil, fault(key, fmt.Errorf("%s is set twice, first at %s", name, before.Origin))
		}
		text, err := scalar(value)
		if err != nil {
			return nil, fault(value, fmt.Errorf("%s: %w", name, err))
		}
		values[name] = Value{text, fmt.Sprintf("%s:%d", path, key.Line)}
	}
	return values, nil
}

// scalar returns a value as it stands in the file; the items of a list are joined by commas.
func scalar(n *yaml.Node) (string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "", errors.New("has no value; remove the line for the default")
		}
		return n.Value, nil
	case yaml.SequenceNode:
		var items []string
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return "", errors.New("the items of a list must be plain values")
			}
			items = append(items, item.Value)
		}
		return strings.Join(items, ","), nil
	}
	return "", errors.New("must be a plain value or a list of them")
}
