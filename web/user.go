package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/postgres"
	"golang.org/x/crypto/argon2"
)

// User is somebody who may sign in to the dashboard.
type User struct {
	Name        string    `db:"name" json:"name"`
	Accounts    []string  `db:"accounts" json:"accounts"`         // whose rows they see; empty with AllAccounts
	AllAccounts bool      `db:"all_accounts" json:"all_accounts"` // they see all accounts
	Operator    bool      `db:"operator" json:"operator"`         // they see the pages of the operator
	CreatedAt   time.Time `db:"created_at" json:"created_at"`
}

const (
	userMax        = 100 // characters of a name
	passwordMin    = 10  // characters
	passwordMax    = 1000
	accountsOfUser = 1000
)

// Check returns ErrInvalid for a user that cannot be.
func (u User) Check() error {
	isControl := func(r rune) bool { return unicode.IsControl(r) }

	switch n := len([]rune(u.Name)); {
	case n < 1 || n > userMax || strings.ContainsFunc(u.Name, isControl) || strings.TrimSpace(u.Name) != u.Name:
		return blotter.Invalid("user", u.Name, fmt.Sprintf("a name of 1 to %d characters", userMax))
	case u.Name == localUser:
		return blotter.Invalid("user", u.Name, "another name: it stands for whoever opens the one-time link")
	case u.AllAccounts == (len(u.Accounts) > 0):
		return blotter.Invalid("accounts", strings.Join(u.Accounts, ","), "one account or more, or all of them")
	case len(u.Accounts) > accountsOfUser:
		return blotter.Invalid("accounts", len(u.Accounts), fmt.Sprintf("at most %d", accountsOfUser))
	}

	for _, account := range u.Accounts {
		if err := blotter.CheckAccountID(account); err != nil {
			return err
		}
	}
	return nil
}

const sqlAddUser = `
insert into dashboard.users (name, accounts, all_accounts, operator, password) values ($1, $2, $3, $4, $5)
    on conflict (name) do update set accounts = excluded.accounts, all_accounts = excluded.all_accounts,
       operator = excluded.operator, password = excluded.password`

const sqlEndSessionsOf = `delete from dashboard.sessions where user_name = $1`

// AddUser stores a user with a password, or changes one. A change ends the user's sessions.
func AddUser(ctx context.Context, db *postgres.DB, u User, password string) error {
	if err := u.Check(); err != nil {
		return err
	}
	if n := len([]rune(password)); n < passwordMin || n > passwordMax {
		return blotter.Invalid("password", fmt.Sprintf("of %d characters", n),
			fmt.Sprintf("one of %d to %d characters", passwordMin, passwordMax))
	}
	accounts := append([]string{}, u.Accounts...)
	slices.Sort(accounts)

	hash := hashPassword(password)
	ctx = blotter.WithAllAccounts(ctx)
	return db.Transaction(ctx, func(tx *postgres.Tx) error {
		if _, err := tx.Exec(ctx, sqlAddUser, u.Name, accounts, u.AllAccounts, u.Operator, hash); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, sqlEndSessionsOf, u.Name)
		return err
	})
}

const sqlUsers = `select name, accounts, all_accounts, operator, created_at from dashboard.users order by name`

// Users returns all users, sorted by name.
func Users(ctx context.Context, db *postgres.DB) (list []User, err error) {
	ctx = blotter.WithAllAccounts(ctx)
	err = db.ReadOnly(ctx, func(s *postgres.Session) error {
		rows, err := s.Query(ctx, sqlUsers)
		if err != nil {
			return err
		}
		defer rows.Close()

		for rows.Next() {
			var u User
			if err := rows.Scan(&u.Name, &u.Accounts, &u.AllAccounts, &u.Operator, &u.CreatedAt); err != nil {
				return err
			}
			list = append(list, u)
		}
		return rows.Err()
	})
	return list, err
}

const (
	sqlLockUser   = `select name from dashboard.users where name = $1 for update`
	sqlRemoveUser = `delete from dashboard.users where name = $1`
)

// RemoveUser removes a user, and ends their sessions. ErrNotFound: there is no such user.
func RemoveUser(ctx context.Context, db *postgres.DB, name string) error {
	ctx = blotter.WithAllAccounts(ctx)
	return db.Transaction(ctx, func(tx *postgres.Tx) error {
		// The lock keeps the user from signing in between the two statements that follow.
		locked, err := tx.Exec(ctx, sqlLockUser, name)
		if err != nil {
			return err
		}
		if locked.RowsAffected() == 0 {
			return noSuchUser(name)
		}

		if _, err := tx.Exec(ctx, sqlEndSessionsOf, name); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlRemoveUser, name)
		return err
	})
}

func noSuchUser(name string) error {
	return &blotter.Error{Kind: blotter.ErrNotFound, Message: fmt.Sprintf("there is no user %q", name)}
}

const sqlPassword = `select password from dashboard.users where name = $1`

// passwordOf returns the hash of a user's password. Only trading_service may read it. ErrNotFound: no such user.
func passwordOf(ctx context.Context, db *postgres.DB, name string) (hash string, err error) {
	ctx = blotter.WithAllAccounts(ctx)
	err = db.Transaction(ctx, func(tx *postgres.Tx) error {
		rows, err := tx.Query(ctx, sqlPassword, name)
		if err != nil {
			return err
		}
		defer rows.Close()

		isKnown := false
		for rows.Next() {
			isKnown = true
			if err := rows.Scan(&hash); err != nil {
				return err
			}
		}
		if rows.Err() == nil && !isKnown {
			return noSuchUser(name)
		}
		return rows.Err()
	}, postgres.Unlogged)
	return hash, err
}

// The cost of argon2id, as RFC 9106 recommends for little memory: 64 MiB, three passes.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
	argonSalt    = 16 // bytes
	argonKey     = 32 // bytes
)

// hashPassword returns the hash of a password in the PHC string format.
func hashPassword(password string) string {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, argonMemory, argonTime, argonThreads, encode(salt), encode(key))
}

// unknownUser is a hash that no password has, for logins of users who do not exist.
var unknownUser = sync.OnceValue(func() string { return hashPassword(newToken()) })

// matches reports whether a hash is that of the password. A hash that it does not understand matches nothing.
func matches(password, hash string) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return false
	}
	var memory, passes uint32
	var threads uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false
	}
	key, err := base64.RawStdEncoding.DecodeString(parts[5])
	isPlausible := memory <= 4*argonMemory && passes >= 1 && passes <= 16 && threads >= 1 && len(key) >= 16
	if err != nil || !isPlausible {
		return false
	}

	got := argon2.IDKey([]byte(password), salt, passes, memory, threads, uint32(len(key)))
	return subtle.ConstantTimeCompare(got, key) == 1
}
