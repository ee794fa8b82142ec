#!/bin/sh
# Runs once, on an empty data directory: the application's role is no superuser.
set -eu
psql --set ON_ERROR_STOP=1 --set password="$VOLTOP_DB_PASSWORD" --username "$POSTGRES_USER" <<'SQL'
CREATE ROLE voltop LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
CREATE DATABASE voltop OWNER voltop;
SQL
