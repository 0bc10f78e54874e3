package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// taskType names our one kind of task to asynq.
const taskType = "slice"

// payload is all that a task carries: no personal data, and nothing that could
// grow stale.
type payload struct {
	Slice int64 `json:"slice"`
}

func encode(slice int64) []byte {
	raw, _ := json.Marshal(payload{Slice: slice}) // a number always encodes
	return raw
}

func decode(raw []byte) (int64, error) {
	var p struct {
		Slice *int64 `json:"slice"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return 0, fmt.Errorf("read task: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return 0, errors.New("read task: more than one value")
	}
	if p.Slice == nil {
		return 0, errors.New("read task: no slice")
	}
	return *p.Slice, nil
}
