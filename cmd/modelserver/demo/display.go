package demo

import (
	"context"
	"fmt"
	"time"
)

const (
	drawEvery  = 200 * time.Millisecond
	linesEvery = 2 * time.Second
)

// display shows the table, or lines where there is no terminal.
func (s *show) display(ctx context.Context) error {
	if _, _, terminal := s.options.Terminal(); terminal {
		return s.displayTable(ctx)
	}
	return s.displayLines(ctx)
}

func (s *show) displayTable(ctx context.Context) error {
	screen := &screen{out: s.options.Out}
	return every(ctx, drawEvery, func() error {
		v := s.view(ctx)
		if v == nil {
			return nil
		}
		width, height, _ := s.options.Terminal()
		screen.draw(v.lines(width, height-1, s.options.Coloured))
		return nil
	})
}

// displayLines writes each model's fate when it is known, and the figures now
// and again.
func (s *show) displayLines(ctx context.Context) error {
	var told time.Time
	p := painter{s.options.Coloured}
	return every(ctx, drawEvery, func() error {
		rows, _, changed, err := s.watch.sample(ctx)
		if err != nil {
			return nil //nolint:nilerr // an actor that restarts is asked again
		}
		for _, e := range changed {
			if e.Kind == serves || e.Kind == rejected {
				fmt.Fprintln(s.options.Out, p.paint(e.Kind.colour(), cut(e.String(), 0)))
			}
		}
		if time.Since(told) < linesEvery || len(rows) == 0 {
			return nil
		}
		told = time.Now()
		for _, r := range rows {
			fmt.Fprintf(s.options.Out, "%s  %s: %s records, %s results, %s/s, p50 %s, p99 %s, g%d %s\n", told.Format(time.TimeOnly),
				r.DataType, thousands(r.Records), thousands(r.Results), thousands(int64(r.Rate)), latency(r.P50), latency(r.P99), r.Number, cut(r.Model, 0))
		}
		return nil
	})
}

// view returns what to show, or nil when the actors do not answer just now.
func (s *show) view(ctx context.Context) *view {
	rows, events, _, err := s.watch.sample(ctx)
	if err != nil {
		return nil
	}
	if len(rows) == 0 {
		rows = []row{{DataType: s.manifest.DataType, Records: s.node.Records().Stats().Consumed}}
	}
	address := "http://" + s.node.Addr()
	return &view{
		Title:  []string{fmt.Sprintf("state  %s/state    metrics  %s/metrics", address, address)},
		Rows:   rows,
		Events: events,
		Footer: fmt.Sprintf("%s so far; a model every %s; Ctrl-C ends it", time.Since(s.began).Round(time.Second), s.options.Every),
	}
}

// farewell says what was seen.
func (s *show) farewell() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	rows, _, _, err := s.watch.sample(ctx)
	if err != nil {
		return
	}
	var results int64
	for _, r := range rows {
		results += r.Results
	}
	fmt.Fprintf(s.options.Out, "\n%s results in %s; %d models served, %d were rejected; nothing was restarted.\n",
		thousands(results), time.Since(s.began).Round(time.Second), s.watch.took, s.watch.turned)
}
