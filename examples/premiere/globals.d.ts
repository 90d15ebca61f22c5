declare const require: (module: string) => any;
