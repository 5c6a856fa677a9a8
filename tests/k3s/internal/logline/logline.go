// Package logline writes lines in the shape in which k3s writes its own.
package logline

import (
	"fmt"
	"os"
	"time"
)

// Info tells what happens.
func Info(format string, arguments ...any) { line("info", format, arguments...) }

// Warn tells what is odd.
func Warn(format string, arguments ...any) { line("warning", format, arguments...) }

// Error tells what failed, or what k3s tells at this level although it did not.
func Error(format string, arguments ...any) { line("error", format, arguments...) }

// Fatal tells why the process ends, and ends it.
func Fatal(format string, arguments ...any) {
	line("fatal", format, arguments...)
	os.Exit(1)
}

func line(level, format string, arguments ...any) {
	now := time.Now().UTC().Format(time.RFC3339)
	fmt.Fprintf(os.Stderr, "time=%q level=%s msg=%q\n", now, level, fmt.Sprintf(format, arguments...))
}
