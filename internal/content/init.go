package content

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// skeleton is the workspace that Init writes. all: keeps files whose names
// begin with a dot or an underscore, which embedding otherwise drops.
//
//go:embed all:skeleton
var skeleton embed.FS

// Init writes a small workspace to start from into dir, which it makes if need
// be, and returns the paths written, relative to dir, with slashes. It writes
// nothing when one of its files is there already, and says which.
func Init(dir string) ([]string, error) {
	root, err := fs.Sub(skeleton, "skeleton")
	if err != nil {
		return nil, fmt.Errorf("open skeleton: %w", err)
	}
	var files, taken []string
	err = fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files = append(files, path)
		switch _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(path))); {
		case err == nil:
			taken = append(taken, path)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look into %s: %w", dir, err)
	}
	if len(taken) > 0 {
		return nil, fmt.Errorf("%s already has %s; choose another folder, or move them away", dir, strings.Join(taken, ", "))
	}
	for _, path := range files {
		if err := write(root, path, filepath.Join(dir, filepath.FromSlash(path))); err != nil {
			return nil, fmt.Errorf("write workspace: %w", err)
		}
	}
	return files, nil
}

// write copies one file; it never replaces one.
func write(from fs.FS, path, to string) error {
	text, err := fs.ReadFile(from, path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
