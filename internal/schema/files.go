package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Dir is the folder of a workspace that the schemas stand in, where the files'
// own `# yaml-language-server: $schema=` lines look for them.
const Dir = ".tidings"

// File is one schema, as its file's text.
type File struct {
	Kind string // campaign, segment, test or workspace
	Name string // of the file
	Text []byte // JSON, indented, with a line end
}

// Files are the schemas of the files that a workspace has.
func Files() ([]File, error) {
	var out []File
	for _, f := range []struct {
		kind string
		make func() (*node, error)
	}{{"campaign", campaignFile}, {"segment", segmentFile}, {"test", testFile}, {"workspace", workspaceFile}} {
		n, err := f.make()
		if err != nil {
			return nil, fmt.Errorf("make schema of a %s: %w", f.kind, err)
		}
		text, err := indented(n)
		if err != nil {
			return nil, fmt.Errorf("write schema of a %s: %w", f.kind, err)
		}
		out = append(out, File{Kind: f.kind, Name: f.kind + ".schema.json", Text: text})
	}
	return out, nil
}

func indented(n *node) ([]byte, error) {
	text, err := marshal(n)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Indent(&b, text, "", " ")
	b.WriteByte('\n')
	return b.Bytes(), err
}

// Write puts the schemas into dir, which it makes if need be, over those of an
// earlier version, and returns the names of the files written.
func Write(dir string) ([]string, error) {
	files, err := Files()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Text, 0o644); err != nil {
			return nil, err
		}
		names = append(names, f.Name)
	}
	return names, nil
}
