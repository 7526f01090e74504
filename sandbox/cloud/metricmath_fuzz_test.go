package cloud

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzMetricMath holds expressions against a naive reading of the tree that they were
// written from, in both readings of a missing value. Each byte is a part of the tree.
func FuzzMetricMath(f *testing.F) {
	f.Add([]byte{12, 1, 9, 12, 2, 9, 3}, 1.0, 2.0, 0.5, byte(0))
	f.Add([]byte{0, 1, 2}, 3.0, 4.0, 0.0, byte(2))
	f.Add([]byte{3, 1, 2}, 3.0, 0.0, 0.0, byte(0))
	f.Add([]byte{14, 1, 2}, 3.0, 0.0, 0.0, byte(1))
	f.Fuzz(func(t *testing.T, tree []byte, a, b, c float64, absent byte) {
		values := map[string]float64{"a": a, "b": b, "c": c}
		for i, id := range []string{"a", "b", "c"} {
			if absent>>i&1 == 1 {
				values[id] = missing
			}
		}
		for _, zero := range []bool{false, true} {
			n := naiveMath{bytes: tree[:min(len(tree), 100)], values: values, missingIsZero: zero}
			text, want, _ := n.part(0)
			e, err := parseExpression(text, func(id string) bool { _, there := values[id]; return there })
			require.NoError(t, err, text)
			v := evaluation{value: func(id string) float64 { return values[id] }, missingIsZero: zero}
			got := v.of(e.root)
			require.True(t, got == want || isMissing(got) &&
				isMissing(want), "%s of %v is %v, not %v", text, values, got, want)
		}
	})
}

// FuzzExpressionText: whatever is written as an expression, it is refused or has a value.
func FuzzExpressionText(f *testing.F) {
	for _, text := range []string{"IF(visible, 100, IF(groups, 100, cpu))", "a + b", "FILL(a, 0) / (b - 1)",
		"((a", "a[0]", "-a", "IF(a...)", "0x1p4"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parseExpression(text, func(id string) bool { return len(id) == 1 })
		if err != nil {
			var refused *Error
			require.ErrorAs(t, err, &refused)
			return
		}
		evaluation{value: func(string) float64 { return 1 }}.of(e.root)
	})
}

// naiveMath writes a tree that it reads from bytes, and works out its value as it goes.
type naiveMath struct {
	bytes         []byte
	at            int
	values        map[string]float64
	missingIsZero bool
}

// part is a text in brackets, its value, and whether it is a plain number.
func (n *naiveMath) part(depth int) (text string, value float64, plain bool) {
	kind := 9 // a, where the bytes or the depth end
	if n.at < len(n.bytes) && depth < 8 {
		kind = int(n.bytes[n.at]) % 19
		n.at++
	}
	switch kind {
	case 15, 16, 17, 18:
		number := float64(kind-15) / 2
		return fmt.Sprint(number), number, true
	case 12:
		return n.ifOf(depth, 3)
	case 13:
		return n.ifOf(depth, 2)
	case 14:
		x, left, _ := n.part(depth + 1)
		y, right, _ := n.part(depth + 1)
		if isMissing(left) {
			left = right
		}
		return "FILL(" + x + ", " + y + ")", left, false
	case 9, 10, 11:
		id := string(rune('a' + kind - 9))
		return id, n.values[id], false
	}
	return n.operation(depth, []string{"+", "-", "*", "/", "<", ">", "==", "&&", "||"}[kind])
}

func (n *naiveMath) ifOf(depth, arguments int) (string, float64, bool) {
	condition, holds, _ := n.part(depth + 1)
	yes, then, _ := n.part(depth + 1)
	text, otherwise := "IF("+condition+", "+yes, missing
	if arguments == 3 {
		no, value, _ := n.part(depth + 1)
		text, otherwise = text+", "+no, value
	}
	switch {
	case isMissing(holds):
		otherwise = missing
	case holds != 0 && isMissing(then):
		otherwise = 0
	case holds != 0:
		otherwise = then
	}
	return text + ")", otherwise, false
}

func (n *naiveMath) operation(depth int, operator string) (string, float64, bool) {
	left, x, xPlain := n.part(depth + 1)
	right, y, yPlain := n.part(depth + 1)
	text := "(" + left + " " + operator + " " + right + ")"
	if isMissing(x) && isMissing(y) {
		return text, missing, false
	}
	if isMissing(x) || isMissing(y) {
		if !n.missingIsZero || xPlain || yPlain {
			return text, missing, false
		}
		if isMissing(x) {
			x = 0
		} else {
			y = 0
		}
	}
	return text, map[string]func() float64{
		"+": func() float64 { return x + y },
		"-": func() float64 { return x - y },
		"*": func() float64 { return x * y },
		"/": func() float64 {
			if y == 0 {
				return missing
			}
			return x / y
		},
		"<":  func() float64 { return oneIf(x < y) },
		">":  func() float64 { return oneIf(x > y) },
		"==": func() float64 { return oneIf(x == y) },
		"&&": func() float64 { return oneIf(x != 0 && y != 0) },
		"||": func() float64 { return oneIf(x != 0 || y != 0) },
	}[operator](), false
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
