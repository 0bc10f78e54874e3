package content

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"tidings/internal/campaign"
)

const localeDir = "locales"

// phraseKey is the form of each part of a text's key, as in cart.back_to_basket.
var phraseKey = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// readTexts reads locales/*.yaml: each is called after its locale, and holds texts
// by key, in groups within groups as the author likes. known are the workspace's
// locales; nil: not known.
func readTexts(fsys fs.FS, ps *problems, known []string) map[string]map[string]campaign.Phrase {
	out := map[string]map[string]campaign.Phrase{}
	entries, err := fs.ReadDir(fsys, localeDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		ps.errorf(localeDir, place{}, "", "read folder: %s", err)
	}
	for _, e := range entries {
		file := localeDir + "/" + e.Name()
		locale, yaml := strings.CutSuffix(e.Name(), ".yaml")
		switch {
		case strings.HasPrefix(locale, "."):
		case e.IsDir() || !yaml:
			ps.errorf(file, place{}, "the texts of a language stand in locales/LOCALE.yaml, as in locales/he.yaml", "%s does not belong here", e.Name())
		case known != nil && !contains(known, locale):
			ps.errorf(file, place{}, suggest(locale, known), "locale %q is not one of tidings.yaml", shortened(locale))
		default:
			text, err := fs.ReadFile(fsys, file)
			if err != nil {
				ps.errorf(file, place{}, "", "read file: %s", err)
				continue
			}
			out[locale] = map[string]campaign.Phrase{}
			if s := ps.parse(file, string(text), nil); s.root != nil {
				s.phrases(s.root, "", out[locale])
			}
		}
	}
	return out
}

// phrases reads a group of texts; prefix is its key with a dot behind it.
func (s *source) phrases(n *yaml.Node, prefix string, to map[string]campaign.Phrase) {
	what := "a file of texts"
	if prefix != "" {
		what = "texts under " + prefix[:len(prefix)-1]
	}
	f, ok := s.object(n, what, "write key: text")
	if !ok {
		return
	}
	for _, key := range sorted(f.values) {
		v := f.values[key]
		switch {
		case !phraseKey.MatchString(key):
			s.errorf(f.keys[key], "use small letters, digits, - and _, as in back_to_basket", "%q is not a key of a text", shortened(key))
		case v.Kind == yaml.MappingNode && !s.braces(v):
			s.phrases(v, prefix+key+".", to)
		case v.Kind != yaml.MappingNode:
			if text := s.plain(v, prefix+key); text != "" {
				at := placeOf(v)
				to[prefix+key] = campaign.Phrase{Source: text, File: s.file, Line: at.line, Column: at.column}
			}
		}
	}
}
