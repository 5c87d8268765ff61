package main

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// yamlValue writes a value as it stands behind its key in a YAML file.
func yamlValue(value any) (string, error) {
	switch v := value.(type) {
	case string, bool, int, float64:
	case []string:
		if v == nil {
			value = []string{}
		}
	default:
		value = fmt.Sprint(v) // sizes, durations, levels: as they are read
	}
	var node yaml.Node
	if err := node.Encode(value); err != nil {
		return "", err
	}
	node.Style = yaml.FlowStyle
	if _, text := value.(string); text {
		node.Style = 0
		if strings.ContainsAny(node.Value, "\n") {
			node.Style = yaml.DoubleQuotedStyle
		}
	}
	out, err := yaml.Marshal(&node)
	return strings.TrimSpace(string(out)), err
}
