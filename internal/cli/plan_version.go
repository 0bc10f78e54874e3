package cli

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// version opens another version of the workspace in dir: a folder, or what a git
// ref of dir's repository has in its place. done takes away what was unpacked.
func (rt *runtime) version(dir, name string) (files fs.FS, done func(), err error) {
	none := func() {}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		if _, err := os.Stat(filepath.Join(name, "tidings.yaml")); err != nil {
			return nil, none, usage("there is no tidings.yaml in %s; name a workspace's folder or a git ref", name)
		}
		return os.DirFS(name), none, nil
	}
	if strings.HasPrefix(name, "-") {
		return nil, none, usage("%s is neither a folder nor a git ref", name)
	}
	archive, err := rt.gitArchive(dir, name)
	if err != nil {
		return nil, none, err
	}
	folder, err := os.MkdirTemp("", "tidings-version-")
	if err != nil {
		return nil, none, fmt.Errorf("unpack %s: %w", name, err)
	}
	done = func() { os.RemoveAll(folder) }
	if err := untar(archive, folder); err != nil {
		done()
		return nil, none, fmt.Errorf("unpack %s: %w", name, err)
	}
	if _, err := os.Stat(filepath.Join(folder, "tidings.yaml")); err != nil {
		done()
		return nil, none, usage("%s has no tidings.yaml where the workspace %s is now", name, dir)
	}
	return os.DirFS(folder), done, nil
}

// gitArchive is what a ref has in dir, as a tar.
func (rt *runtime) gitArchive(dir, ref string) ([]byte, error) {
	var out, said bytes.Buffer
	// In a folder of a repository it packs that folder alone.
	git := exec.CommandContext(rt.ctx, "git", "-C", dir, "archive", "--format=tar", ref)
	git.Stdout, git.Stderr = &out, &said
	err := git.Run()
	var failed *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, usage("%s is no folder, and git is not installed to read it as a ref", ref)
	case errors.As(err, &failed):
		why, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return nil, usage("%s is no folder, and as a git ref git says: %s", ref, why)
	case err != nil:
		return nil, fmt.Errorf("run git: %w", err)
	}
	return out.Bytes(), nil
}

// untar writes the plain files of an archive below folder.
func untar(archive []byte, folder string) error {
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(h.Name) {
			continue
		}
		path := filepath.Join(folder, filepath.FromSlash(h.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		text, err := io.ReadAll(r)
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			return err
		}
	}
}
