package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// printTable prints the figures in Markdown.
func printTable(ctx context.Context, c *config, lines []line) {
	fmt.Println("Nanoseconds of processor time per record, one thread, all outputs; medians. Results are equal: to 1e-12 with the interpreter, to 1e-5 with the transpiler, whose floats differ in the 7th digit.")
	fmt.Println()
	fmt.Println("| document | ours | JPMML interpreted | | JPMML transpiled | | MB | load, s | JPMML | heap, MB | JPMML |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, l := range lines {
		fmt.Printf("| %s | %s | %s | %s | %s | %s | %.1f | %.2f | %.2f | %.0f | %.0f |\n", l.name, digits(l.ours),
			digits(l.interpreted), times(l.interpreted, l.ours), digits(l.transpiled), times(l.transpiled, l.ours),
			float64(l.bytes)/1e6, l.load, l.loadInterpreted, float64(l.loadMemory)/1e6, l.memoryInterpreted/1e6)
	}
	fmt.Println()
	for _, l := range lines {
		if l.different != "" {
			fmt.Printf("%s is not transpiled: %s\n\n", l.name, l.different)
		}
	}
	fmt.Printf("%s, %d processors, %s %s/%s; %s; JPMML-evaluator 1.7.7, its transpiler 1.5.1, record by record; ours in batches of %d.\n",
		processor(), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, java(ctx), c.batch)
}

// digits writes a number of nanoseconds with three significant digits at least.
func digits(ns float64) string {
	if ns == 0 {
		return "–"
	}
	if ns < 100 {
		return fmt.Sprintf("%.1f", ns)
	}
	s := fmt.Sprintf("%.0f", ns)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func times(a, b float64) string {
	if a == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f×", a/b)
}

// processor is the model name that the system gives.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

func java(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "java", "-version").CombinedOutput()
	if err != nil {
		return "unknown Java"
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return first
}
