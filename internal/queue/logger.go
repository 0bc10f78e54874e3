package queue

import (
	"fmt"
	"log/slog"
)

// logger gives asynq's words to slog. What it calls info is about its own
// coming and going.
type logger struct{ to *slog.Logger }

func (l logger) Debug(args ...any) { l.to.Debug("asynq: " + fmt.Sprint(args...)) }
func (l logger) Info(args ...any)  { l.to.Debug("asynq: " + fmt.Sprint(args...)) }
func (l logger) Warn(args ...any)  { l.to.Warn("asynq: " + fmt.Sprint(args...)) }
func (l logger) Error(args ...any) { l.to.Error("asynq: " + fmt.Sprint(args...)) }
func (l logger) Fatal(args ...any) { l.to.Error("asynq: " + fmt.Sprint(args...)) }
