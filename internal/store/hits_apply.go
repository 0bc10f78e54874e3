package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"tidings/internal/campaign"
	"tidings/internal/grade"
)

// apply stores the new grades, and what follows from them: the events of people's
// hits and the first times on the messages.
func (j *hitJudge) apply(ctx context.Context) error {
	if err := j.saveGrades(ctx); err != nil {
		return fmt.Errorf("write grades: %w", err)
	}
	if err := j.saveEvents(ctx); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	if err := j.saveMarks(ctx); err != nil {
		return fmt.Errorf("mark messages: %w", err)
	}
	return nil
}

func (j *hitJudge) saveGrades(ctx context.Context) error {
	var same, changed [][]any
	for _, h := range j.judged {
		switch {
		case !h.same():
			changed = append(changed, []any{h.message, h.id, string(h.result.Grade), reasonsText(h.result), h.result.Version})
		case !h.settled:
			same = append(same, []any{h.message, h.id})
		}
	}
	if len(same) > 0 {
		if _, err := j.tx.ExecContext(ctx, `UPDATE hits SET settled = TRUE FROM `+j.rows("$1", "message_id bigint", "id bigint")+` x
			WHERE hits.message_id = x.message_id AND hits.id = x.id`, array(same)); err != nil {
			return err
		}
	}
	if len(changed) == 0 {
		return nil
	}
	_, err := j.tx.ExecContext(ctx, `UPDATE hits SET settled = TRUE, grade = x.grade, reasons = x.reasons, rules = x.rules
		FROM `+j.rows("$1", "message_id bigint", "id bigint", "grade text", "reasons text", "rules int")+` x
		WHERE hits.message_id = x.message_id AND hits.id = x.id`, array(changed))
	return err
}

// hitUID names the event of a hit.
func hitUID(id int64) string { return "hit:" + strconv.FormatInt(id, 10) }

// saveEvents makes the events of hits that are people's, and takes away those of hits
// that were taken for a person's and are not. What an event has started goes on.
func (j *hitJudge) saveEvents(ctx context.Context) error {
	made, gone := j.events()
	if len(made) > 0 {
		if _, err := j.insertEvents(ctx, j.tx, made); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	_, err := j.tx.ExecContext(ctx, `DELETE FROM events WHERE uid IN (SELECT x.uid FROM `+j.rows("$1", "uid text")+` x)`, array(wrap(gone)))
	return err
}

// events are those to make, and the uids of those to take away.
func (j *hitJudge) events() (made []ownEvent, gone []string) {
	for _, h := range j.judged {
		is, was := h.result.Grade == grade.Human, h.settled && h.grade == string(grade.Human)
		switch {
		case is && !was:
			made = append(made, ownEvent{j.mails[h.message].customer, 0, j.event(h)})
		case was && !is:
			gone = append(gone, hitUID(h.id))
		}
	}
	return made, gone
}

// event is a person's hit as an event. It is known once it is settled, by the rules
// that are in force: the same whenever that is done.
func (j *hitJudge) event(h *storedHit) *campaign.Event {
	m := j.mails[h.message]
	e := &campaign.Event{UID: hitUID(h.id), Name: campaign.EmailOpened, Properties: mailProperties(m.campaign, m.step, h.message)}
	e.OccurredAt = campaign.FromMicros(h.at)
	e.KnownAt = e.OccurredAt.Add(grade.Burst)
	e.Properties["grade"], e.Properties["user_agent"] = string(h.result.Grade), h.agent
	if h.network != "" {
		e.Properties["network"] = h.network
	}
	if h.kind == grade.Click {
		e.Name = campaign.EmailClicked
		e.Properties["url"] = h.url
	}
	return e
}

// saveMarks finds the first times anew on messages of which a grade has changed.
func (j *hitJudge) saveMarks(ctx context.Context) error {
	var ids []int64
	for _, id := range slices.Sorted(maps.Keys(j.mails)) {
		if j.mails[id].changed {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	first := func(kind, by string) string {
		return `(SELECT min(h.at) FROM hits h WHERE h.message_id = messages.id AND h.kind = '` + kind + `' AND h.grade ` + by + ` 'human')`
	}
	_, err := j.tx.ExecContext(ctx, `UPDATE messages SET opened_at = `+first("open", "=")+`, clicked_at = `+first("click", "=")+`,
			machine_opened_at = `+first("open", "<>")+`, machine_clicked_at = `+first("click", "<>")+`
		WHERE id IN `+j.ids("$1"), array(ids))
	return err
}
