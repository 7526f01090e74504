package cloud

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"strconv"
)

// missing is the value of a time series where it has no datapoint.
var missing = math.NaN()

func isMissing(v float64) bool { return math.IsNaN(v) }

// expression is a metric math expression, evaluated datapoint by datapoint: numbers,
// ids of other queries, + - * /, comparisons, AND as &&, OR as ||, FILL(id, number)
// and IF(condition, value, value). Source: CloudWatch user guide, "Using metric math".
type expression struct {
	root ast.Expr
}

// parseExpression reads an expression; its syntax is a part of Go's.
func parseExpression(text string, isID func(string) bool) (*expression, error) {
	root, err := parser.ParseExpr(text)
	if err != nil {
		return nil, refuse("ValidationError", "the expression %q cannot be read: %v", text, err)
	}
	if err := checkExpression(root, isID); err != nil {
		return nil, err
	}
	return &expression{root}, nil
}

func checkExpression(e ast.Expr, isID func(string) bool) error {
	switch e := e.(type) {
	case *ast.BasicLit:
		if _, err := strconv.ParseFloat(e.Value, 64); err != nil {
			return refuse("ValidationError", "%s is not a number", e.Value)
		}
		return nil
	case *ast.Ident:
		if !isID(e.Name) {
			return refuse("ValidationError", "the expression refers to %s, which no query is called", e.Name)
		}
		return nil
	case *ast.ParenExpr:
		return checkExpression(e.X, isID)
	case *ast.BinaryExpr:
		if binaryOperators[e.Op] == nil {
			return refuse("ValidationError", "the operator %s is not known", e.Op)
		}
		return checkExpressions(isID, e.X, e.Y)
	case *ast.CallExpr:
		name, ok := e.Fun.(*ast.Ident)
		if !ok || !(name.Name == "FILL" && len(e.Args) == 2 || name.Name == "IF" &&
			(len(e.Args) == 2 || len(e.Args) == 3)) {
			return refuse("ValidationError",
				"of functions, FILL(id, value) and IF(condition, value, value) are known")
		}
		return checkExpressions(isID, e.Args...)
	default:
		return refuse("ValidationError", "the expression has a part of an unknown kind")
	}
}

func checkExpressions(isID func(string) bool, list ...ast.Expr) error {
	for _, e := range list {
		if err := checkExpression(e, isID); err != nil {
			return err
		}
	}
	return nil
}

var binaryOperators = map[token.Token]func(x, y float64) float64{
	token.ADD: func(x, y float64) float64 { return x + y },
	token.SUB: func(x, y float64) float64 { return x - y },
	token.MUL: func(x, y float64) float64 { return x * y },
	token.QUO: quotient,
	token.GTR: func(x, y float64) float64 { return truth(x > y) },
	token.GEQ: func(x, y float64) float64 { return truth(x >= y) },
	token.LSS: func(x, y float64) float64 { return truth(x < y) },
	token.LEQ: func(x, y float64) float64 { return truth(x <= y) },
	token.EQL: func(x, y float64) float64 { return truth(x == y) },
	token.NEQ: func(x, y float64) float64 { return truth(x != y) },

	token.LAND: func(x, y float64) float64 { return truth(x != 0 && y != 0) },
	token.LOR:  func(x, y float64) float64 { return truth(x != 0 || y != 0) },
}

// quotient drops the datapoint if it would divide by zero.
func quotient(x, y float64) float64 {
	if y == 0 {
		return missing
	}
	return x / y
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// evaluation is one datapoint's worth of an expression.
type evaluation struct {
	// value of a query for the datapoint, or missing.
	value func(id string) float64
	// missingIsZero is the reading that a missing value counts as 0 in arithmetic if
	// the other operand has one.
	missingIsZero bool
}

func (v evaluation) of(e ast.Expr) float64 {
	switch e := e.(type) {
	case *ast.BasicLit:
		number, _ := strconv.ParseFloat(e.Value, 64) // checked when it was parsed
		return number
	case *ast.Ident:
		return v.value(e.Name)
	case *ast.ParenExpr:
		return v.of(e.X)
	case *ast.BinaryExpr:
		return v.binary(e)
	case *ast.CallExpr:
		if e.Fun.(*ast.Ident).Name == "FILL" {
			return v.fill(e.Args[0], e.Args[1])
		}
		return v.choose(e.Args)
	}
	return missing
}

func (v evaluation) binary(e *ast.BinaryExpr) float64 {
	x, y := v.of(e.X), v.of(e.Y)
	switch {
	case isMissing(x) && isMissing(y):
		return missing
	case isMissing(x) || isMissing(y):
		// Against a plain number a missing datapoint stays missing.
		if !v.missingIsZero || isNumber(e.X) || isNumber(e.Y) {
			return missing
		}
	}
	if isMissing(x) {
		x = 0
	}
	if isMissing(y) {
		y = 0
	}
	return binaryOperators[e.Op](x, y)
}

func isNumber(e ast.Expr) bool {
	_, ok := e.(*ast.BasicLit)
	return ok
}

func (v evaluation) fill(series, filler ast.Expr) float64 {
	if value := v.of(series); !isMissing(value) {
		return value
	}
	return v.of(filler)
}

// choose is IF. A condition without a datapoint drops the datapoint; so does a false
// one without a value for it. A true one without a value is 0, says the guide.
func (v evaluation) choose(args []ast.Expr) float64 {
	condition := v.of(args[0])
	switch {
	case isMissing(condition):
		return missing
	case condition != 0:
		if value := v.of(args[1]); !isMissing(value) {
			return value
		}
		return 0
	case len(args) == 2:
		return missing
	}
	return v.of(args[2])
}
