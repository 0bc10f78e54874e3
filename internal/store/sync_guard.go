package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"tidings/internal/campaign"
)

// RemovalError tells that a workspace lacks so many of the store's campaigns that
// it must be the wrong one.
type RemovalError struct {
	Missing []string // campaigns in which passes run
	Gone    int      // campaigns that would be removed
	Of      int      // campaigns in all
	Passes  int      // that would end
}

func (e *RemovalError) Error() string {
	return fmt.Sprintf("the workspace has another name than before, and lacks %d of the %d campaigns that the store has, and %d passes run in %s; is it the wrong folder? "+
		"Name the right one with --workspace or WORKSPACE. If the files are gone for good, end these passes with `tidings tick --remove-missing`",
		e.Gone, e.Of, e.Passes, strings.Join(e.Missing, ", "))
}

// RemoveMissing lets Sync remove campaigns however many the workspace lacks. Called
// before the first tick.
func (s *Store) RemoveMissing() { s.removeMissing = true }

// workspaceName is the meta key of the name of the workspace that was loaded last.
const workspaceName = "workspace_name"

// CheckWorkspace refuses a workspace as Sync would, and changes nothing: a process that
// only ever logged that its ticks fail would be found too late.
func (s *Store) CheckWorkspace(ctx context.Context, cat *campaign.Catalog) error {
	wrong, err := s.removal(ctx, s.reader(), cat)
	if err == nil && wrong != nil && !s.removeMissing {
		return wrong
	}
	return err
}

// guardRemoval refuses the wrong workspace, and remembers the name of another one. A
// rehearsal may do what it likes.
func (s *Store) guardRemoval(ctx context.Context, tx *sql.Tx, cat *campaign.Catalog) error {
	if s.bound != nil {
		return nil
	}
	before, err := s.meta(ctx, tx, workspaceName)
	if err != nil {
		return fmt.Errorf("read the workspace's name: %w", err)
	}
	if before == cat.Workspace.Name {
		return nil
	}
	if !s.removeMissing {
		if wrong, err := s.removal(ctx, tx, cat); err != nil {
			return err
		} else if wrong != nil {
			return wrong
		}
	}
	return s.setMeta(ctx, tx, workspaceName, cat.Workspace.Name)
}

// removal finds out whether a workspace of another name lacks most of the campaigns
// while passes run in several of them: that is another folder, not a change of this
// one. nil: it is not so.
func (s *Store) removal(ctx context.Context, q querier, cat *campaign.Catalog) (*RemovalError, error) {
	before, err := s.meta(ctx, q, workspaceName)
	if err != nil {
		return nil, fmt.Errorf("read the workspace's name: %w", err)
	}
	if before == cat.Workspace.Name {
		return nil, nil
	}
	stays := map[string]bool{}
	for _, c := range cat.All() {
		stays[c.Name] = true
		for _, was := range c.Was {
			stays[was] = true
		}
	}
	e := RemovalError{}
	rows, err := q.QueryContext(ctx, `SELECT k.name, (SELECT count(*) FROM enrollments e WHERE e.campaign_id = k.id AND e.state = 'running')
		FROM campaigns k WHERE k.removed_at IS NULL AND k.name <> $1 ORDER BY k.name`, campaign.ServiceCampaign)
	_, err = collect(rows, err, func(rows *sql.Rows) (name string, err error) {
		var running int
		if err := rows.Scan(&name, &running); err != nil {
			return name, err
		}
		e.Of++
		if !stays[name] {
			e.Gone++
			if running > 0 {
				e.Missing, e.Passes = append(e.Missing, name), e.Passes+running
			}
		}
		return name, nil
	})
	if err != nil {
		return nil, fmt.Errorf("find removed campaigns: %w", err)
	}
	if len(e.Missing) < 2 || 2*e.Gone <= e.Of {
		return nil, nil
	}
	return &e, nil
}
