package content

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// Load reads the workspace at the root of fsys: tidings.yaml and the file of rates
// that it names, campaigns/*.yaml (but for *.test.yaml), segments/*.yaml,
// templates/ and locales/*.yaml. It returns all problems of all files, ordered by place; the catalog is nil when
// one of them is not a warning.
//
// A moment without a zone is in the campaign's zone; in a segment, or where the
// campaign's is the customer's, in the workspace's. A date that an attribute or
// a property is compared with is in UTC, as theirs are.
func Load(fsys fs.FS) (*campaign.Catalog, []campaign.Problem) {
	cat, problems, whole := LoadSound(fsys)
	if !whole {
		return nil, problems
	}
	return cat, problems
}

// LoadSound is Load for a check that goes on: with errors somewhere, whole is
// false and the catalog has the templates and those campaigns whose own files
// are sound, so that templates can be checked in the same run. It is nil when
// tidings.yaml, on which everything rests, has an error.
func LoadSound(fsys fs.FS) (cat *campaign.Catalog, problems []campaign.Problem, whole bool) {
	w := decode(fsys)
	defaults(w)
	w.validate()
	campaign.SortProblems(w.ps.list)
	if !w.ps.fatal() {
		return w.catalog(), w.ps.list, true
	}
	broken := map[string]bool{}
	for _, p := range w.ps.list {
		broken[p.File] = broken[p.File] || !p.Warning
	}
	if broken[workspaceFile] {
		return nil, w.ps.list, false
	}
	cat = w.catalog()
	cat.Campaigns = slices.DeleteFunc(cat.Campaigns, func(c *campaign.Campaign) bool {
		return broken["campaigns/"+c.Name+".yaml"]
	})
	return cat, w.ps.list, false
}

// decode reads all files as they are written.
func decode(fsys fs.FS) *workspaceFiles {
	ps := newProblems()
	w := &workspaceFiles{ps: ps}
	text, err := fs.ReadFile(fsys, workspaceFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		ps.errorf(workspaceFile, place{}, "tidings init writes one to start from", "the workspace has no %s", workspaceFile)
		w.workspace = decodeWorkspace(&source{file: workspaceFile, ps: ps}, fsys)
	case err != nil:
		ps.errorf(workspaceFile, place{}, "", "read %s: %s", workspaceFile, err)
		w.workspace = decodeWorkspace(&source{file: workspaceFile, ps: ps}, fsys)
	default:
		w.workspace = decodeWorkspace(ps.parse(workspaceFile, string(text), time.UTC), fsys)
	}
	zone := w.workspace.workspace.Zone
	if zone == nil {
		zone = time.UTC
	}
	locales := w.workspace.localesOrDefault()
	for _, file := range list(fsys, ps, "segments") {
		s := ps.parse(file.path, file.text, zone)
		s.terms = w.workspace.terms
		w.segments = append(w.segments, &segmentFile{s, decodeSegment(s, file.name)})
	}
	for _, file := range list(fsys, ps, "campaigns") {
		s := ps.parse(file.path, file.text, zone)
		s.terms = w.workspace.terms
		w.campaigns = append(w.campaigns, decodeCampaign(s, file.name, locales))
	}
	w.templates = readTemplates(fsys, ps, locales)
	w.texts = readTexts(fsys, ps, locales)
	return w
}

// defaults fills in what the files do not say.
func defaults(w *workspaceFiles) {
	defaultWorkspace(w.workspace)
	for _, f := range w.segments {
		f.segment.Match = defaultCount(f.segment.Match)
	}
	for _, f := range w.campaigns {
		defaultCampaign(f, &w.workspace.workspace)
	}
	w.templates.defaultLayouts()
}

func (w *workspaceFiles) catalog() *campaign.Catalog {
	c := &campaign.Catalog{
		Workspace: w.workspace.workspace,
		Segments:  map[string]*campaign.Segment{},
		Templates: w.templates.mails,
		Layouts:   w.templates.layouts,
		Partials:  w.templates.partials,
		Includes:  w.templates.includes,
		Texts:     w.texts,
		Service:   service(w),
	}
	for _, f := range w.segments {
		c.Segments[f.segment.Name] = f.segment
	}
	for _, f := range w.campaigns {
		c.Campaigns = append(c.Campaigns, f.campaign)
	}
	return c
}

// textFile is a YAML file of a folder; name is its name without the ending.
type textFile struct{ path, name, text string }

// list reads the YAML files of a folder, by name. What would be overlooked, such as
// a folder within it or a file that ends in .yml, is reported.
func list(fsys fs.FS, ps *problems, dir string) []textFile {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		ps.errorf(dir, place{}, "", "read folder: %s", err)
	}
	var out []textFile
	for _, e := range entries {
		file := dir + "/" + e.Name()
		name, yaml := strings.CutSuffix(e.Name(), ".yaml")
		switch {
		case strings.HasPrefix(name, "."), strings.HasSuffix(name, ".test"):
		case e.IsDir():
			ps.errorf(file, place{}, "move its files up", "%s has no folders within it", dir)
		case strings.HasSuffix(name, ".yml"):
			ps.errorf(file, place{}, "rename it to "+strings.TrimSuffix(name, ".yml")+".yaml", "a file that ends in .yml is not read")
		case !yaml:
		case !isName(name):
			ps.errorf(file, place{}, nameHint, "%q is not a name; the file's name is what it is called by", name)
		default:
			text, err := fs.ReadFile(fsys, file)
			if err != nil {
				ps.errorf(file, place{}, "", "read file: %s", err)
				continue
			}
			out = append(out, textFile{file, name, string(text)})
		}
	}
	// Not the folder's order, in which a-b.yaml comes before a.yaml.
	slices.SortFunc(out, func(a, b textFile) int { return strings.Compare(a.name, b.name) })
	return out
}
