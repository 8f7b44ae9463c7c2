import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api, must } from "../api/client";
import { Problem, messageOf } from "../api/problem";
import { Note } from "../parts/Notes";

/** SignIn asks for name and password. A refusal keeps the name and empties the password, with the focus on it. */
export function SignIn() {
  const client = useQueryClient();
  const name = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  const form = useForm({
    initialValues: { username: "", password: "" },
    validate: {
      username: (value) => (value.trim() ? null : "Type your user name"),
      password: (value) => (value ? null : "Type your password"),
    },
  });
  const signIn = useMutation({
    mutationFn: (body: { username: string; password: string }) => must(api.POST("/api/v1/session", { body })),
    onSuccess: (session) => client.setQueryData(["session"], session),
    onError: () => {
      form.setFieldValue("password", "");
      password.current?.focus();
    },
  });
  useEffect(() => {
    document.title = "Sign in · Staunch";
    name.current?.focus();
  }, []);
  return (
    <main className="sign-in">
      <form onSubmit={form.onSubmit(({ username, password }) => signIn.mutate({ username: username.trim(), password }))} noValidate>
        <div className="stack">
          <div className="row">
            <img src="/favicon.svg" width={26} height={26} alt="" />
            <h1>Sign in to Staunch</h1>
          </div>
          {signIn.error && <Note tone="bad">{refusal(signIn.error)}</Note>}
          <TextInput
            label="User name"
            size="sm"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            ref={name}
            {...form.getInputProps("username")}
          />
          <PasswordInput
            label="Password"
            autoComplete="current-password"
            ref={password}
            {...form.getInputProps("password")}
          />
          <Button type="submit" size="sm" loading={signIn.isPending}>
            Sign in
          </Button>
          <p className="muted">
            First time? The server printed the password of <span className="mono">admin</span> when it started, or left it in the file{" "}
            <span className="mono">first-login</span> of its data directory.
          </p>
        </div>
      </form>
    </main>
  );
}

function refusal(error: Error): string {
  if (error instanceof Problem && error.status === 401) return "The user name or the password is wrong.";
  return messageOf(error);
}
