package monitor

import (
	"cmp"
	"errors"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/blotterdb/blotter"
)

// Set sets a threshold from text, by the name of its field in snake_case: "outbox_lag=10s/1m" sets the values at
// which OutboxLag becomes a warning and critical, "unused_index_bytes=1GB" a single value. Durations are Go's, or
// days ("2d"). Sizes have the units kB, MB, GB and TB of 1024. Values are above 0. Set returns ErrInvalid for an
// unknown name or an invalid value.
func (t *Thresholds) Set(text string) error {
	name, value, _ := strings.Cut(strings.TrimSpace(text), "=")
	next := *t
	fields := reflect.ValueOf(&next).Elem()
	for i := range fields.NumField() {
		if snake(fields.Type().Field(i).Name) != name {
			continue
		}

		parts := strings.Split(value, "/")
		places := []reflect.Value{fields.Field(i)}
		if places[0].Kind() == reflect.Struct {
			places = []reflect.Value{places[0].Field(0), places[0].Field(1)}
		}

		want := map[int]string{1: name + "=VALUE", 2: name + "=WARNING/CRITICAL"}[len(places)]
		if len(parts) != len(places) {
			return blotter.Invalid("threshold", text, want)
		}

		for i, part := range parts {
			if err := setThreshold(places[i], strings.TrimSpace(part)); err != nil {
				return blotter.Invalid("threshold", text, want+", with "+err.Error())
			}
		}

		if next.inverted(i) {
			return blotter.Invalid("threshold", text, want+", with a critical value that is worse than the warning")
		}

		*t = next
		return nil
	}

	return blotter.Invalid("threshold", name, "one of "+strings.Join(thresholdNames(), ", "))
}

// inverted reports whether the critical value of the i-th field is reached before its warning. The defaults say whether
// higher or lower is worse.
func (t *Thresholds) inverted(i int) bool {
	compare := func(t Thresholds) int {
		level := reflect.ValueOf(t).Field(i)
		switch {
		case level.Kind() != reflect.Struct:
			return 0
		case level.Field(0).CanFloat():
			return cmp.Compare(level.Field(1).Float(), level.Field(0).Float())
		}
		return cmp.Compare(level.Field(1).Int(), level.Field(0).Int())
	}

	return compare(*t)*compare(Thresholds{}.WithDefaults()) < 0
}

func thresholdNames() (names []string) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Thresholds]()) {
		names = append(names, snake(field.Name))
	}
	return names
}

// snake returns a name in snake_case: OutboxLag is outbox_lag, XIDAge is xid_age.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) ||
			i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}

	return b.String()
}

var (
	amountPattern = regexp.MustCompile(`^([0-9]{1,15})(kB|MB|GB|TB|d)?$`)
	unitsOf       = map[string]int64{"": 1, "kB": kilobyte, "MB": megabyte, "GB": gigabyte, "TB": 1024 * gigabyte}
)

// setThreshold parses a value for the type of its field.
func setThreshold(place reflect.Value, text string) error {
	amount := amountPattern.FindStringSubmatch(text)
	switch place.Interface().(type) {
	case time.Duration:
		d, err := time.ParseDuration(text)
		if amount != nil && amount[2] == "d" && len(amount[1]) <= 5 {
			n, _ := strconv.Atoi(amount[1])
			d = time.Duration(n) * day
			err = nil
		}
		if err != nil || d <= 0 {
			return errors.New("a duration, for example 90s, 5m or 2d")
		}
		place.SetInt(int64(d))
	case float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || !(f > 0 && f < 1e15) {
			return errors.New("a number above 0")
		}
		place.SetFloat(f)
	default:
		if amount == nil || unitsOf[amount[2]] == 0 {
			return errors.New("a whole number above 0, for example 20 or 4GB")
		}
		n, _ := strconv.ParseInt(amount[1], 10, 64)
		if n *= unitsOf[amount[2]]; n <= 0 || place.OverflowInt(n) || n/unitsOf[amount[2]] > 1e15 {
			return errors.New("a whole number above 0, for example 20 or 4GB")
		}
		place.SetInt(n)
	}

	return nil
}
