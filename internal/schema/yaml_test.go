package schema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

// schemas compiles each schema once, as a library reads it.
var schemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	files, err := Files()
	if err != nil {
		return nil, err
	}
	out := map[string]*jsonschema.Schema{}
	for _, f := range files {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(f.Text))
		if err != nil {
			return nil, err
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(f.Name, doc); err != nil {
			return nil, err
		}
		if out[f.Kind], err = c.Compile(f.Name); err != nil {
			return nil, fmt.Errorf("%s is not a schema: %w", f.Name, err)
		}
	}
	return out, nil
})

// compiled is the schema of a kind of file.
func compiled(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	all, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	if all[kind] == nil {
		t.Fatalf("no schema of a %s", kind)
	}
	return all[kind]
}

// read decodes the first document of a YAML text as an editor does, which knows
// no more types than YAML's core schema (yaml.org/spec/1.2.2, section 10.3).
func read(text string) (any, error) {
	loader, err := yaml.NewLoader(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	n := new(yaml.Node)
	if err := loader.Load(n); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return plainly(n)
}

func plainly(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.DocumentNode:
		return plainly(n.Content[0])
	case yaml.AliasNode:
		return plainly(n.Alias)
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			v, err := plainly(c)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if _, twice := m[k.Value]; twice || k.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("line %d: not a key, or written twice", k.Line)
			}
			v, err := plainly(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[k.Value] = v
		}
		return m, nil
	case yaml.ScalarNode:
		return core(n), nil
	}
	return nil, fmt.Errorf("line %d: a node of kind %v", n.Line, n.Kind)
}

var (
	coreInt   = regexp.MustCompile(`^[-+]?[0-9]+$`)
	coreFloat = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
)

// core is a scalar's value by the core schema: a text in quotes is a text.
func core(n *yaml.Node) any {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return n.Value
	}
	switch v := n.Value; {
	case v == "", v == "~", strings.EqualFold(v, "null"):
		return nil
	case strings.EqualFold(v, "true"):
		return true
	case strings.EqualFold(v, "false"):
		return false
	case coreInt.MatchString(v), coreFloat.MatchString(v):
		f, err := strconv.ParseFloat(v, 64)
		if err == nil {
			return f
		}
	}
	return n.Value
}

func TestRead(t *testing.T) {
	t.Parallel()
	got, err := read("{ no: on, at: 09:00, day: 2026-12-01, share: 10%, count: 3, code: \"3\", is: true, off: ~, x: .5 }")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"no": "on", "at": "09:00", "day": "2026-12-01", "share": "10%", "count": 3.0, "code": "3", "is": true, "off": nil, "x": .5,
	}
	if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
		t.Errorf("read %#v, want %#v", got, want)
	}
}
